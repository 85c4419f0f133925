package detect

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

// recognise tells of which class a transfer is. What proves it is what the kernel
// told: files that run, the line of ancestors up to the first process, the unit
// that they are in, who connected to whom, and which way the bytes went. Names of
// files count in places of the system only; variables of the environment, and what
// arguments claim, never do. nil: it is of none.
func recognise(s *Transfer) *Routine {
	if !sound(s) {
		return nil
	}
	for _, class := range [...]func(*Transfer) *Routine{served, mirror, git, job, ansible, scheduled, brought} {
		if r := class(s); r != nil {
			return r
		}
	}
	return nil
}

// sound tells whether all that runs is known, up to the first process, and
// nothing of it is where a stranger may have put it.
func sound(s *Transfer) bool {
	n := len(s.Ancestors)
	if n == 0 || s.Ancestors[n-1].PID != 1 && s.Ancestors[n-1].PPID != 0 || !ofSystem(&s.Tool) || s.Tool.Executable == "" {
		return false
	}
	if s.Tool.Container != "" { // whose /usr anybody may have made
		return false
	}
	if how := s.Tool.ToolHow; how != "" && how != "name" && how != "inherited" && how != bySession || hidden(s.Tool.CommandLine) != "" {
		return false
	}
	for _, all := range [][]Process{{s.Tool}, s.Ancestors, s.Members} {
		for i := range all {
			if suspect(&all[i]) != "" {
				return false
			}
		}
	}
	return true
}

// trusted tells whether all of a line of ancestors are programs, and scripts, of
// the system, and none of them answers strangers.
func trusted(line []Process) bool {
	return !slices.ContainsFunc(line, func(p Process) bool {
		return !ofSystem(&p) || p.Executable == "" || p.Script != "" && !systemScript(p.Script) || faces(&p)
	})
}

// systemScript tells whether a script is where the system's are.
func systemScript(file string) bool {
	for _, place := range [...]string{"/usr/", "/etc/", "/opt/", "/bin/", "/sbin/", "/lib/"} {
		if strings.HasPrefix(file, place) && path.Clean(file) == file {
			return true
		}
	}
	return false
}

// login gives the login service above a transfer.
func login(s *Transfer) (Process, bool) {
	for _, p := range s.Ancestors {
		if loginService(p.Name) && ofSystem(&p) {
			return p, true
		}
	}
	return Process{}, false
}

// served is what somebody outside asked for through a login: files for ansible and
// other copies that come in, users who fetch over sftp, backups that are fetched.
func served(s *Transfer) *Routine {
	service, ok := login(s)
	if !ok || !serves(&s.Tool) || !trusted(s.Ancestors) || s.Tool.Interactive {
		return nil
	}
	tool := toolOf(&s.Tool)
	proof := tool + " under " + service.Name + " for " + s.Tool.User
	switch {
	case s.Direction == In:
		r := &Routine{Class: "copies in", Proof: proof + ": data comes in", key: keyed("copies in", s.Tool.User), wide: "copies in of whoever"}
		const module = "/.ansible/tmp/ansible-tmp-"
		if slices.ContainsFunc(s.Tool.Args, func(a string) bool { return strings.Contains(a, module) }) ||
			slices.ContainsFunc(s.Written, func(f File) bool { return strings.Contains(f.Path, module) }) {
			r.Class = "ansible" // the same limits: names say no more than what to call it
		}
		return r
	case s.Direction != Pulled || s.Tool.UserID == "0":
		return nil
	case tool == "sftp-server" || tool == innerSFTP:
		return &Routine{Class: "sftp user", Proof: proof, key: keyed("sftp user", s.Tool.User, Shape(s.Tool.CommandLine)), opposite: keyed("copies in", s.Tool.User)}
	case tool == "rsync":
		return &Routine{Class: "backup", Proof: proof + ": fetched", key: keyed("fetched", s.Tool.User, Shape(s.Tool.CommandLine)), opposite: keyed("copies in", s.Tool.User)}
	}
	return nil
}

// mirror is an rsync daemon that serves whoever asks.
func mirror(s *Transfer) *Routine {
	if toolOf(&s.Tool) != "rsync" || !slices.Contains(s.Tool.Args, "--daemon") || s.Direction != Pulled || !trusted(s.Ancestors) {
		return nil
	}
	return &Routine{Class: "mirror", Proof: "rsync --daemon in " + unitOf(&s.Tool), key: keyed("mirror", unitOf(&s.Tool), s.Tool.User)}
}

// git is a fetch over ssh: git itself started ssh.
func git(s *Transfer) *Routine {
	parent := s.Ancestors[0]
	if toolOf(&s.Tool) != "ssh" || path.Base(parent.Executable) != "git" || !ofSystem(&parent) {
		return nil
	}
	pack := slices.ContainsFunc(s.Tool.Args, func(a string) bool {
		return strings.HasPrefix(a, "git-upload-pack ") || strings.HasPrefix(a, "git-receive-pack ") || a == "git-upload-pack" || a == "git-receive-pack"
	})
	if !pack {
		return nil
	}
	return &Routine{Class: "git", Proof: "ssh started by " + parent.Executable, key: keyed("git", s.Tool.User)}
}

// runners of pipelines, by the file that runs.
var runners = []string{"gitlab-runner", "Runner.Worker", "Runner.Listener", "buildkite-agent", "act_runner", "drone-runner-exec", "woodpecker-agent", "teamcity-agent"}

// runner is the place among the ancestors of a runner of the system's; -1: there is none.
func runner(s *Transfer) int {
	return slices.IndexFunc(s.Ancestors, func(p Process) bool {
		return slices.Contains(runners, path.Base(p.Executable)) && ofSystem(&p) && p.Executable != ""
	})
}

// job is a step of a job: below a runner of the system's, with all above it the system's.
func job(s *Transfer) *Routine {
	at := runner(s)
	if at < 0 || !trusted(s.Ancestors[at:]) || slices.ContainsFunc(s.Ancestors[:at], func(p Process) bool { return faces(&p) || !ofSystem(&p) }) {
		return nil
	}
	of := s.Ancestors[at]
	return &Routine{Class: "ci", Proof: "below " + of.Executable + " in " + workspace(s.Tool.Dir),
		key: keyed("ci", of.Executable, workspace(s.Tool.Dir), pathOf(&s.Ancestors[0]), Shape(s.Tool.CommandLine), s.Tool.User)}
}

var numbers = regexp.MustCompile(`[0-9]+`)

// workspace is a job's directory without what differs from run to run.
func workspace(dir string) string {
	parts := strings.Split(dir, "/")
	for i, p := range parts {
		if looksRandom(p) {
			parts[i] = "N"
		}
	}
	return numbers.ReplaceAllString(strings.Join(parts, "/"), "N")
}

// controllers are ansible's programs.
var controllers = []string{"ansible", "ansible-playbook", "ansible-pull", "ansible-runner"}

// ansible is a controller that copies files out.
func ansible(s *Transfer) *Routine {
	for i, p := range s.Ancestors {
		if slices.Contains(controllers, path.Base(p.Script)) && systemScript(p.Script) && ofSystem(&p) && trusted(s.Ancestors[:i+1]) {
			return &Routine{Class: "ansible", Proof: "started by " + p.Script, key: keyed("ansible", p.Script, toolOf(&s.Tool), s.Tool.User)}
		}
	}
	return nil
}

// schedulers start what is due.
var schedulers = []string{"cron", "crond", "atd", "anacron", "fcron", "systemd", "init"}

// scheduled is what a timer or cron started and nobody who logged in: a backup,
// the shipping of logs, an update.
func scheduled(s *Transfer) *Routine {
	if s.Tool.LoginUID >= 0 && s.Tool.LoginUID != 1<<32-1 || s.Tool.Interactive || !trusted(s.Ancestors) {
		return nil
	}
	if _, ok := login(s); ok {
		return nil
	}
	unit := unitOf(&s.Tool)
	cron := slices.ContainsFunc(s.Ancestors, func(p Process) bool { return p.PID != 1 && slices.Contains(schedulers, strings.ToLower(p.Name)) })
	if unit == "" && !cron {
		return nil
	}
	r := &Routine{Class: "backup", Proof: "started by " + pathOf(&s.Ancestors[0]) + " in " + cmp.Or(unit, "cron")}
	manager := slices.ContainsFunc(s.Ancestors, func(p Process) bool {
		return slices.Contains(managers, path.Base(pathOf(&p))) && p.UserID == "0"
	})
	switch {
	case s.Direction == In && manager:
		r.Class = "update"
	case s.Direction == In:
		r.Class = "copies in"
	case reads(s, "/var/log/"):
		r.Class = "log shipping"
	}
	family := "scheduled"
	if r.fetches() {
		family = "fetch"
	}
	r.key = keyed(family, unit, pathOf(&s.Ancestors[0]), Shape(s.Tool.CommandLine), s.Tool.User)
	return r
}

// brought is what somebody who is logged in brings to this host from another of ours.
func brought(s *Transfer) *Routine {
	service, ok := login(s)
	if !ok || serves(&s.Tool) || s.Direction != In || !trusted(s.Ancestors) || !fromInside(s) {
		return nil
	}
	return &Routine{Class: "copies in", Proof: toolOf(&s.Tool) + " below " + service.Name + ": data comes in, from inside", inside: true,
		key: keyed("brought", s.Tool.User), wide: "brought by whoever"}
}

// managers of packages update a machine.
var managers = []string{"apt", "apt-get", "aptitude", "unattended-upgrade", "dnf", "dnf5", "yum", "rpm", "zypper", "pacman", "apk", "snapd", "fwupdmgr"}

// unitOf is the service that a process is in, as the kernel has it; "" in none of the system's.
func unitOf(p *Process) string {
	rest, ok := strings.CutPrefix(p.Cgroup, "/system.slice/")
	if !ok {
		return ""
	}
	unit, _, _ := strings.Cut(rest, "/")
	if !strings.HasSuffix(unit, ".service") {
		return ""
	}
	if name, _, instance := strings.Cut(unit, "@"); instance { // one of many
		return name + "@.service"
	}
	return unit
}

// reads tells whether any file that is sent is below a place.
func reads(s *Transfer, place string) bool {
	return slices.ContainsFunc(s.Payload(), func(f File) bool { return strings.HasPrefix(f.Path, place) })
}
