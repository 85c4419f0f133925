package evidence

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"interdict/respond"
)

// intent is the body of a plan: what will be asked for, and of what.
type intent struct {
	ID      string   `json:"id"`
	Options Options  `json:"options"`
	Members []member `json:"members"`
	Gone    []string `json:"gone"`  // of what was named, a sentence each
	Given   []string `json:"given"` // names of what the caller gives
}

// member is a process as it was when it was planned.
type member struct {
	ID      respond.ProcessID `json:"id"`
	Parent  int               `json:"parent"`
	Name    string            `json:"name"`
	State   string            `json:"state"`
	UID     int               `json:"uid"` // -1: not known
	Exe     string            `json:"exe"` // where the link leads
	Inode   string            `json:"inode"`
	ExeSize int64             `json:"exe_size"`
	RSS     int64             `json:"rss"`        // bytes in memory
	Open    int               `json:"open"`       // regular files it has open
	OpenB   int64             `json:"open_bytes"` // how long those are
}

func decodeIntent(body json.RawMessage) (*intent, error) {
	var in intent
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if in.ID == "" || strings.ContainsAny(in.ID, "/.") {
		return nil, fmt.Errorf("plan: %q is no id of a bundle", in.ID)
	}
	return &in, nil
}

// users are those that the processes run as.
func (in *intent) users() []int {
	var all []int
	for _, m := range in.Members {
		if m.UID >= 0 && !slices.Contains(all, m.UID) {
			all = append(all, m.UID)
		}
	}
	return all
}

// stat is a line of /proc/PID/stat as far as a tree needs it.
type stat struct {
	pid, parent int
	name, state string
	ticks       int64
}

// parseStats reads what `head -v` prints of all of them. A name is 15 bytes at
// most, which is too short to imitate a heading.
func parseStats(text string) map[int]stat {
	all := map[int]stat{}
	for _, part := range strings.Split("\n"+text, "\n==> ")[1:] {
		heading, line, _ := strings.Cut(part, " <==\n")
		s, ok := parseStat(line)
		if ok && heading == strconv.Itoa(s.pid)+"/stat" {
			all[s.pid] = s
		}
	}
	return all
}

// parseStat: the name may hold anything and ends at the last parenthesis.
func parseStat(line string) (stat, bool) {
	from, to := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if from < 1 || to < from {
		return stat{}, false
	}
	f := strings.Fields(line[to+1:])
	if len(f) < 20 {
		return stat{}, false
	}
	pid, err1 := strconv.Atoi(strings.TrimSpace(line[:from]))
	parent, err2 := strconv.Atoi(f[1])
	ticks, err3 := strconv.ParseInt(f[19], 10, 64)
	return stat{pid: pid, parent: parent, name: line[from+1 : to], state: f[0], ticks: ticks}, err1 == nil && err2 == nil && err3 == nil
}

const maxMembers = 256

// members finds the processes that are meant, and what descends from them.
// Those that have ended meanwhile are left out and told, unless all have.
func (o Options) members(all map[int]stat, host respond.Identity) (list []member, gone []string, err error) {
	add := func(s stat) {
		if !slices.ContainsFunc(list, func(m member) bool { return m.ID.PID == s.pid }) {
			id := respond.ProcessID{HostID: host.HostID, BootID: host.BootID, PID: s.pid, Start: s.ticks * respond.Tick}
			list = append(list, member{ID: id, Parent: s.parent, Name: s.name, State: s.state, UID: -1})
		}
	}
	left := func(text string) {
		if !slices.Contains(gone, text) {
			gone = append(gone, text)
		}
	}
	for _, p := range o.Processes {
		s, ok := all[p.PID]
		switch {
		case p.BootID != "" && p.BootID != host.BootID:
			return nil, nil, respond.Stale("the host was started again since process %s was seen", p)
		case !ok:
			left(fmt.Sprintf("process %s is not there any more", p))
		case p.Start != 0 && s.ticks != p.Ticks():
			left(fmt.Sprintf("process %s has ended: its number is another's now", p))
		default:
			add(s)
		}
	}
	if len(list) == 0 && len(gone) > 0 && !o.HostAnyway {
		return nil, nil, respond.Stale("%s", strings.Join(gone, "; "))
	}
	if o.Tree {
		children := childrenOf(all)
		for i := 0; i < len(list); i++ { // list grows while it is walked
			for _, s := range children[list[i].ID.PID] {
				add(s)
			}
		}
	}
	if len(list) > maxMembers {
		return nil, nil, fmt.Errorf("evidence: %d processes descend from what was named; at most %d are taken at once: name those that matter", len(list), maxMembers)
	}
	return list, gone, nil
}

// childrenOf are those of each process, by their numbers.
func childrenOf(all map[int]stat) map[int][]stat {
	children := map[int][]stat{}
	for _, pid := range slices.Sorted(maps.Keys(all)) {
		children[all[pid].parent] = append(children[all[pid].parent], all[pid])
	}
	return children
}

// looked fills in what the script saw of a process: "exe SIZE INODE", "uid N",
// "rss KB", "open N BYTES", and behind "link " where the executable is.
func (m *member) looked(text string) {
	rest, link, _ := strings.Cut(text, "\nlink ")
	m.Exe = link
	for line := range strings.Lines(rest) {
		f := strings.Fields(line)
		n := func(i int) int64 {
			if i >= len(f) {
				return 0
			}
			v, err := strconv.ParseInt(f[i], 10, 64)
			if err != nil {
				return 0
			}
			return v
		}
		switch {
		case len(f) < 2:
		case f[0] == "exe" && len(f) > 2:
			m.ExeSize, m.Inode = n(1), f[2]
		case f[0] == "uid":
			m.UID = int(n(1))
		case f[0] == "rss":
			m.RSS = n(1) * 1024
		case f[0] == "open":
			m.Open, m.OpenB = int(n(1)), n(2)
		}
	}
}
