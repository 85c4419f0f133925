package playbooks

import (
	"fmt"
	"strings"
)

func (e *evidence) answerTime() reply {
	var r reply
	at := e.started()
	when := clock(at)
	if e.zone != nil {
		when += at.In(e.zone).Format(" (host 15:04 Mon)")
	} else {
		when += at.UTC().Format(" UTC Mon")
	}
	e.habitOfHour(&r)
	e.loggedIn(&r)
	e.changeWindows(&r)
	schedule, proof := e.scheduled()
	switch {
	case proof != "":
		r.state, r.why = OK, proof
		r.supports = append(r.supports, proof)
	case e.inLogin() != "":
		r.state, r.why = OK, e.inLogin()
		r.supports = append(r.supports, e.inLogin())
	case len(e.windows()) > 0:
		r.state, r.why = OK, "in the window "+e.windows()[0].describe(at)
		r.supports = append(r.supports, r.why)
	default:
		e.unexplained(&r)
	}
	if schedule.Source != "" {
		r.line("schedule", schedule.Source+": "+short(schedule.Command, 200))
	} else {
		for _, s := range e.nearby() {
			r.line("near", fmt.Sprintf("%s: %s, %s away; nothing shows that it started this", s.Source, short(s.Command, 120), span(s.Distance(e.jobStart()))))
		}
	}
	r.why = when + " · " + r.why
	return r
}

// inLogin says that the transfer belongs to a login that the machine has on
// record; "" when it does not, or nobody could look.
func (e *evidence) inLogin() string {
	uid := e.loginUID()
	if uid < 0 {
		return ""
	}
	who := e.loginName()
	for _, l := range e.present() {
		if who != "" && l.User == who {
			return "belongs to the login of " + describeLogin(l, e.started())
		}
	}
	return ""
}

// unexplained decides when neither a schedule nor a login on record explains it.
func (e *evidence) unexplained(r *reply) {
	r.state = OPEN
	switch uid := e.loginUID(); {
	case uid >= 0 && e.looked.none == "" && e.looked.loginErr == nil && e.loginName() != "" && !e.inbound():
		r.why = fmt.Sprintf("belongs to a login of %s that the machine has no record of", e.loginName())
		r.open = append(r.open, "which login is this? "+r.why)
	case uid >= 0:
		r.why = fmt.Sprintf("belongs to a login of %s; whether %s was there must be asked", orElse(e.loginName(), "user "+number(uid)), orElse(e.loginName(), "that person"))
		r.open = append(r.open, "was it "+orElse(e.loginName(), "user "+number(uid))+" who did this?")
	case e.tool.Entry != "":
		r.why = fmt.Sprintf("belongs to a login through %s, as its event says; whether it was %s must be asked", e.tool.Entry, orElse(e.tool.User, "that person"))
		r.open = append(r.open, fmt.Sprintf("was it %s who logged in through %s?", orElse(e.tool.User, "that person"), e.tool.Entry))
	case e.looked.none != "" && e.tool.Start == 0:
		r.why = "whether a login belongs to it is not told; schedules and logins: " + e.looked.none
		r.open = append(r.open, "what explains the hour? its schedules and logins could not be read")
	case e.looked.none != "":
		r.why = "no login belongs to it; schedules and logins: " + e.looked.none
		r.open = append(r.open, "what explains the hour? its schedules and logins could not be read")
	case e.looked.cronErr != nil || e.looked.loginErr != nil || e.windowErr != nil:
		r.why = "no schedule, login or window explains it, but not all could be read"
		r.open = append(r.open, "what explains the hour? not all schedules, logins and windows could be read")
	case len(e.nearby()) > 0:
		r.why = fmt.Sprintf("%s is near, but nothing shows that it started this", e.nearby()[0].Source)
		r.open = append(r.open, "was it "+e.nearby()[0].Source+"?")
	case len(e.present()) > 0:
		r.why = fmt.Sprintf("%s within %s; it belongs to no login, though %s", e.nothingAt(), span(near), e.whoText())
		r.open = append(r.open, "does somebody who was logged in know of it? "+e.whoText())
	default:
		r.state = BAD
		r.why = fmt.Sprintf("%s within %s · %s", e.nothingAt(), span(near), e.whoText())
		r.against = append(r.against, fmt.Sprintf("%s at %s, and %s", e.nothingAt(), clock(e.jobStart()), e.whoText()))
	}
}

// changeWindows tells which windows are open for this host, or that none is.
func (e *evidence) changeWindows(r *reply) {
	switch {
	case !e.calendar:
		return
	case e.windowErr != nil:
		r.line("not read", "change windows: "+e.windowErr.Error())
	case len(e.windows()) == 0:
		r.line("window", "no change window is open for this host at this time")
	}
	for _, w := range e.windows() {
		r.line("window", w.describe(e.started()))
	}
}

// nothingAt lists what was looked for in vain.
func (e *evidence) nothingAt() string {
	if e.calendar {
		return "no timer, cron line or change window"
	}
	return "no timer or cron line"
}

func (e *evidence) whoText() string {
	var who []string
	for _, l := range e.present() {
		who = append(who, describeLogin(l, e.started()))
	}
	if len(who) > 0 {
		return "logged in: " + few(who, 3)
	}
	if l := e.lastOut(); !l.Out.IsZero() {
		return fmt.Sprintf("nobody logged in since %s (%s)", moment(l.Out, e.before), l.User)
	}
	return "nobody logged in within a day"
}

func (e *evidence) loggedIn(r *reply) {
	l := &e.looked
	if l.none != "" {
		r.line("not read", "cron, timers and logins: "+l.none)
		return
	}
	if l.loginErr != nil {
		r.line("not read", "logins: "+l.loginErr.Error())
	}
	if l.cronErr != nil {
		r.line("not read", "schedules: "+l.cronErr.Error())
	}
	r.line("logins", e.whoText())
}

// habitOfHour compares the time of day with that of earlier runs on this host.
// It is told and proves nothing: hours can be imitated.
func (e *evidence) habitOfHour(r *reply) {
	q := e.queries["time"]
	if !q.known() {
		r.line("hour", q.unasked)
		return
	}
	days := map[string]bool{}
	near, here := int64(0), int64(0)
	for i := range q.count() {
		near, here = near+q.int("near", i), here+q.int("here", i)
		for _, day := range q.texts("days", i) {
			days[day] = true
		}
	}
	text := fmt.Sprintf("%s of %s %s runs on this host %s began within 15 min of this time of day", grouped(near), grouped(here), toolName(e.tool), e.over())
	if near > 0 {
		text += ", on " + plural(int64(len(days)), "day")
	}
	r.line("hour", strings.TrimSpace(text))
}
