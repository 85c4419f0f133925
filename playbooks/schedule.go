package playbooks

import (
	"fmt"
	"strings"
	"time"

	"interdict/detect"
	"interdict/respond"
	"interdict/respond/process"
)

// near is how far a schedule may be from a start that it explains: cron and
// systemd start within the minute, with up to one of randomised delay.
const near = 2 * time.Minute

// head is the process that the job, login or request began with: the highest
// one below a service or process 1.
func (s *subject) head() detect.Process {
	head := s.tool
	for _, p := range s.ancestors {
		if p.PID == 1 || process.Service(seenAs(p)) != "" {
			break
		}
		head = p
	}
	return head
}

func (s *subject) jobStart() time.Time {
	if h := s.head(); !h.Started.IsZero() {
		return h.Started
	}
	return s.started()
}

// scheduled is the schedule that is proven to have started the transfer. A
// timer is proven by the cgroup, which systemd assigns; a cron line by the
// system's own cron above a process that runs the line's command as its user at
// its minute. A name alone proves nothing.
func (e *evidence) scheduled() (s respond.Schedule, proof string) {
	for _, s := range e.looked.schedules {
		if timer, ok := strings.CutPrefix(s.Source, "systemd timer "); ok {
			if e.byTimer(s) {
				return s, fmt.Sprintf("%s started it %s: it runs in the cgroup of %s", timer, clock(s.Last), s.Command)
			}
		} else if p, ok := e.byCron(s); ok {
			return s, fmt.Sprintf("%s started it %s: cron runs that line as %s", s.Source, clock(p.Started), orElse(p.User, "user "+p.UserID))
		}
	}
	return respond.Schedule{}, ""
}

func (e *evidence) byTimer(s respond.Schedule) bool {
	if s.Command == "" || s.Last.IsZero() || e.jobStart().Sub(s.Last).Abs() > near {
		return false
	}
	// Units of the system only: a user's own manager starts whatever the user says.
	rest, ok := strings.CutPrefix(e.tool.Cgroup, "/system.slice/")
	return ok && (rest == s.Command || strings.HasPrefix(rest, s.Command+"/"))
}

func (e *evidence) byCron(s respond.Schedule) (detect.Process, bool) {
	command := strings.TrimSpace(s.Command)
	if command == "" || s.Last.IsZero() {
		return detect.Process{}, false
	}
	for i, p := range e.ancestors {
		if process.Service(seenAs(p)) != "job scheduler" || p.UserID != "0" {
			continue
		}
		below := e.tool
		if i > 0 {
			below = e.ancestors[i-1]
		}
		ran := runs(below, command) && below.Started.Sub(s.Last).Abs() <= near
		if l := e.judge(p); ran && l.vouched && (s.User == "" || s.User == below.User) {
			return below, true
		}
	}
	return detect.Process{}, false
}

// runs tells whether p is `sh -c command`, or what the shell gave way to.
func runs(p detect.Process, command string) bool {
	line := strings.TrimSpace(p.CommandLine)
	return line == command || strings.HasSuffix(line, " "+command)
}

// nearby are schedules close to the start, whether or not they explain it.
func (e *evidence) nearby() (out []respond.Schedule) {
	for _, s := range e.looked.schedules {
		if s.Distance(e.jobStart()) <= near {
			out = append(out, s)
		}
	}
	return out
}

// loginUID is the user who logged in and whom the kernel keeps on every
// process of that login, through sudo and su; -1 when the transfer belongs to none.
func (s *subject) loginUID() int64 {
	if uid := s.tool.LoginUID; uid >= 0 && uid != 1<<32-1 {
		return uid
	}
	return -1
}

// loginName is the name that goes with loginUID, "" when no process shows it.
func (s *subject) loginName() string {
	uid := number(s.loginUID())
	for _, p := range append([]detect.Process{s.tool}, s.ancestors...) {
		if p.UserID == uid && p.User != "" {
			return p.User
		}
	}
	return ""
}

// present are the logins that were open at the start.
func (e *evidence) present() (out []respond.Login) {
	at := e.started()
	for _, l := range e.looked.logins {
		if !l.In.After(at) && (l.Out.IsZero() || !l.Out.Before(at)) {
			out = append(out, l)
		}
	}
	return out
}

// lastOut is when somebody was last logged in before the start.
func (e *evidence) lastOut() (out respond.Login) {
	for _, l := range e.looked.logins {
		if !l.Out.IsZero() && l.Out.Before(e.started()) && l.Out.After(out.Out) {
			out = l
		}
	}
	return out
}

func describeLogin(l respond.Login, at time.Time) string {
	s := l.User + " on " + orElse(l.Line, "no terminal")
	if l.From != "" {
		s += " from " + l.From
	}
	if !l.In.IsZero() {
		s += " since " + moment(l.In, at)
	}
	return s
}
