package playbooks

import (
	"fmt"
	"path"
	"strings"
	"time"

	"interdict/detect"
	"interdict/respond/process"
)

// link is one process of the chain that led to the transfer, judged.
type link struct {
	p       detect.Process
	script  string
	service string // "web service", "job scheduler", …; "" for none
	against []string
	serves  string   // that it answers the network and started a shell; "" when it did not
	unsure  []string // what could not be established
	vouched bool     // every file it runs is vouched for
	told    []Line
	owned   []string // its files that a package owns, "scp (openssh-client)"
}

// fresh is how old a file must be so that its age says nothing.
const fresh = time.Hour

// chain judges the tool and its ancestors, the tool first, up to process 1.
func (e *evidence) chain() []link {
	all := make([]link, 0, len(e.ancestors)+1)
	for _, p := range append([]detect.Process{e.tool}, e.ancestors...) {
		all = append(all, e.judge(p))
	}
	for i := 1; i < len(all); i++ {
		if all[i].answersNetwork() && isShell(all[i-1].p) && !all[i-1].p.Interactive {
			all[i].serves = fmt.Sprintf("%s, a %s, started a shell", label(all[i].p), all[i].service)
			all[i].vouched = false
		}
	}
	return all
}

func (l *link) answersNetwork() bool {
	return l.service == "web service" || l.service == "database" || l.service == "application server"
}

func (e *evidence) judge(p detect.Process) link {
	l := link{p: p, script: scriptOf(p), service: process.Service(seenAs(p)), vouched: true}
	if why := untrusted(p); why != "" {
		if p.Deleted && !strings.Contains(why, "deleted") {
			why += ", deleted"
		}
		l.against = append(l.against, name(p)+" "+why)
	}
	if p.Executable == "" {
		l.doubt("the executable of %s is not known", label(p))
	} else {
		e.trace(&l, p.Executable)
	}
	if l.script != "" {
		e.trace(&l, l.script)
	}
	if isShell(p) && len(p.Args) > 2 && l.script == "" {
		l.told = append(l.told, Line{label(p), "runs text from its arguments: " + short(p.CommandLine, 120)})
	}
	l.vouched = l.vouched && len(l.against) == 0
	return l
}

func (l *link) doubt(format string, args ...any) {
	l.vouched = false
	l.unsure = append(l.unsure, fmt.Sprintf(format, args...))
}

func (l *link) accuse(format string, args ...any) {
	l.against = append(l.against, fmt.Sprintf(format, args...))
}

// trace judges where one file of l came from.
func (e *evidence) trace(l *link, file string) {
	o := e.origin(l.p, file)
	if o == nil {
		if e.looked.none != "" {
			l.doubt("where %s came from: %s", file, e.looked.none)
		} else {
			l.doubt("where %s came from was not looked at", file)
		}
		return
	}
	l.told = append(l.told, Line{path.Base(file), o.describe(file, e.before)})
	if o.Package != "" {
		l.owned = append(l.owned, path.Base(file)+" ("+o.Package+")")
	}
	if o.err != nil && (l.p.Alive() || l.p.Container != "") {
		l.doubt("%s: %s", file, o.err)
	}
	if o.Deleted && !o.Replaced && !l.p.Deleted {
		l.accuse("%s was deleted after it was started", path.Base(file))
	}
	if l.p.SHA256 != "" && o.SHA256 != "" && file == l.p.Executable && l.p.SHA256 != o.SHA256 {
		l.accuse("%s is not the file that ran: it was changed since", file)
	}
	l.weigh(o, file, e.before)
}

// weigh says what package, owner, place and age mean.
func (l *link) weigh(o *origin, file string, before time.Time) {
	recent := !o.Changed.IsZero() && before.Sub(o.Changed) < fresh
	own := o.UID > 0 && number(int64(o.UID)) == l.p.UserID && l.p.LoginUID >= 0
	switch {
	case o.Writable != "" && own:
		l.doubt("%s is %s's own file", file, orElse(o.Owner, "the user"))
	case o.Writable != "" && len(l.against) == 0:
		l.accuse("%s can be written by others than root: %s", file, o.Writable)
	case o.Writable != "" && recent && o.Package == "": // its place was said already
		l.accuse("written %s by %s", moment(o.Changed, before), orElse(o.Owner, "user "+number(int64(o.UID))))
	case o.Writable != "":
	case o.Package != "" && recent:
		l.doubt("%s of package %s was changed %s before", file, o.Package, span(before.Sub(o.Changed)))
	case o.Package != "":
	case recent && before.After(o.Changed):
		l.accuse("%s was written %s, %s before; no package owns it", file, moment(o.Changed, before), span(before.Sub(o.Changed)))
	case recent:
		l.accuse("%s was written %s, after it was started", file, moment(o.Changed, before))
	case o.Changed.IsZero():
		l.doubt("%s could not be read: %s", file, orElse(o.Unread, "no reason given"))
	case o.UID != 0:
		l.doubt("no package owns %s, which belongs to %s", file, orElse(o.Owner, "user "+number(int64(o.UID))))
	}
}

// describe is what was found out about a file, in one line.
func (o *origin) describe(file string, before time.Time) string {
	parts := []string{file}
	switch {
	case o.Package != "":
		parts = append(parts, "package "+o.Package)
	case len(o.PackageAsked) > 0:
		parts = append(parts, "no package owns it ("+strings.Join(o.PackageAsked, ", ")+" asked)")
	default:
		parts = append(parts, "this machine has no package database that could be asked")
	}
	if o.Memfd {
		parts = append(parts, "never had a name")
	} else if o.Deleted {
		parts = append(parts, "deleted")
	}
	if !o.Changed.IsZero() {
		parts = append(parts, fmt.Sprintf("%s, of %s, changed %s (%s before)", o.Mode, orElse(o.Owner, "user "+number(int64(o.UID))),
			o.Changed.UTC().Format("2006-01-02 15:04:05"), span(before.Sub(o.Changed))))
	}
	if o.SHA256 != "" {
		parts = append(parts, "sha256 "+o.SHA256)
	} else if o.Unread != "" {
		parts = append(parts, "not read: "+o.Unread)
	}
	return strings.Join(parts, " · ")
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
