package isolate

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/respond"
)

// isolated tells whether our table is there, by an answer of nft and not by the lack of one.
func (l *lab) isolated() bool {
	l.t.Helper()
	var tables string
	eventually(l.t, "nft answers", 5*time.Second, func() bool {
		var err error
		tables, err = l.host.try("nft list tables")
		return err == nil
	})
	return slices.Contains(strings.Split(tables, "\n"), "table inet interdict")
}

func TestALinkThatIsCutAtAnyMomentLeavesTheHostAsItWas(t *testing.T) {
	l := newLab(t)
	before := l.ruleset()
	cuts := map[string]func(script string){
		"as the rules are sent": func(script string) {
			if script == "isolate.apply" {
				l.cut()
			}
		},
		"while the rules are loaded": func(script string) {
			if script == "isolate.apply" {
				time.AfterFunc(100*time.Millisecond, l.cut)
			}
		},
		"before the proof": func(script string) {
			if script == "isolate.prove" {
				l.cut()
			}
		},
	}
	for when, cut := range cuts {
		s := l.ssh(host4)
		o := options()
		o.Within = 10 * time.Second
		a := NewIsolate(o)
		p, err := a.Plan(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		s.before = func(script respond.Script) { cut(script.Name) }
		ctx, kill := context.WithTimeout(t.Context(), 5*time.Second) // then the console is gone
		r, err := a.Apply(ctx, s, p)
		kill()
		if err == nil {
			t.Fatalf("cut %s: %s", when, r.Summary)
		}
		time.Sleep(time.Second) // what was on its way into the host is in
		eventually(t, "the host is itself", o.Within+5*time.Second, func() bool { return !l.isolated() })
		l.host.try("nft delete table inet interdict_block")
		l.same(before)
		l.join()
	}
}

func TestIsolatingAndReleasingAtOnceEndsInOneOfTheTwo(t *testing.T) {
	l := newLab(t)
	before := l.ruleset()
	for range 3 {
		var consoles [2]struct{ isolates, releases *shell }
		for i := range consoles { // all are logged in before the first one cuts the host off
			consoles[i].isolates, consoles[i].releases = l.ssh(host4), l.ssh(host6)
		}
		var wait sync.WaitGroup
		for _, c := range consoles {
			wait.Go(func() {
				a := NewIsolate(Options{By: "ana", Within: 10 * time.Second})
				if p, err := a.Plan(t.Context(), c.isolates); err == nil {
					a.Apply(t.Context(), c.isolates, p)
				}
			})
			wait.Go(func() {
				if p, err := NewRelease().Plan(t.Context(), c.releases); err == nil {
					NewRelease().Apply(t.Context(), c.releases, p)
				}
			})
		}
		wait.Wait()
		s := l.ssh(host4)
		eventually(t, "isolated and confirmed, or not isolated", 20*time.Second, func() bool {
			status, err := Look(t.Context(), s)
			return err == nil && status.Armed == 0 && (status.State == Isolated || status.State == Not)
		})
		p, err := NewRelease().Plan(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewRelease().Apply(t.Context(), s, p); err != nil {
			t.Fatal(err)
		}
		l.same(before)
	}
}

func TestAHostThatCannotRememberIsNotCutOff(t *testing.T) {
	l := newLab(t)
	before := l.ruleset()
	l.host.sh("mkdir -p /run/interdict; mount -t tmpfs -o size=4k,nr_inodes=3 tmpfs /run/interdict; dd if=/dev/zero of=/run/interdict/full bs=4k count=1 2>/dev/null")
	s := l.ssh(host4)
	a := NewIsolate(options())
	p, err := a.Plan(t.Context(), s)
	if err == nil {
		_, err = a.Apply(t.Context(), s, p)
	}
	if err == nil {
		t.Fatal("isolated although the host has no room for its way back")
	}
	contains(t, err.Error(), "nothing was changed", "no room")
	l.same(before)
	if left := l.host.sh("find /run/interdict -type d -mindepth 1"); left != "" {
		t.Error("left behind:", left)
	}
}

// hides puts a program in the place of nft that fails as it says, and gives what brings nft back.
func (l *lab) hides(when string) (back func()) {
	l.t.Helper()
	l.host.sh("cp /usr/sbin/nft /run/o/real; printf '%s\n' '#!/bin/sh' '" + when + "' 'exec /run/o/real \"$@\"' >/run/o/nft; chmod +x /run/o/nft; mount --bind /run/o/nft /usr/sbin/nft")
	return func() { l.host.sh("umount /usr/sbin/nft") }
}

func TestAFirewallThatDoesNotAnswerIsNotTakenForNone(t *testing.T) {
	l := newLab(t)
	s := l.ssh(host4)
	a, _, r := l.isolate(s, options())
	for _, when := range []string{
		`case "$*" in *list*) echo "netlink: Error: cache initialization failed: Interrupted system call" >&2; exit 1;; esac`,
		`case "$*" in *"list table "*) echo "Error: Out of memory" >&2; exit 1;; esac`,
	} {
		back := l.hides(when)
		if status, err := Look(t.Context(), s); err == nil || !strings.Contains(err.Error(), "could not tell") {
			t.Errorf("%+v %v", status, err)
		}
		if v, err := a.Verify(t.Context(), s, r); err == nil {
			t.Error(v)
		}
		if p, err := NewRelease().Plan(t.Context(), s); err == nil {
			t.Error("a plan to release without knowing what stands: ", p.Lines)
		}
		if p, err := NewIsolate(options()).Plan(t.Context(), s); err == nil {
			t.Error("a plan to isolate without knowing what stands: ", p.Lines)
		}
		back()
	}
	l.verdict(a, s, r, respond.Holds)
}

func TestAnIptablesThatDoesNotAnswerHasNotTakenOurRulesOut(t *testing.T) {
	dir := t.TempDir()
	for name, does := range map[string]string{
		"iptables": "echo 'iptables v1.8.9 (nf_tables)'", "iptables-save": "echo 'Could not fetch rule set generation id' >&2; exit 1", "iptables-restore": "",
		"ip6tables": "echo 'ip6tables v1.8.9 (nf_tables)'", "ip6tables-save": "", "ip6tables-restore": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+does+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script := commonText + `PATH=$1:$PATH run=$1 dir=$1
use iptables
remove 2>/dev/null && echo taken out
remember 2>/dev/null && echo remembered
restore 2>/dev/null && echo restored
:`
	if out, err := exec.Command("sh", "-c", script, "sh", dir).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v %s", err, out)
	}
}

func TestALinkThatIsCutWhileTheProofRunsLeadsBack(t *testing.T) {
	l := newLab(t)
	before := l.ruleset()
	s := l.ssh(host4)
	o := options()
	o.Within = 10 * time.Second
	a := NewIsolate(o)
	p, err := a.Plan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, kill := context.WithTimeout(t.Context(), 15*time.Second)
	defer kill()
	go func() {
		_, err := a.Apply(ctx, s, p)
		ended <- err
	}()
	eventually(t, "the proof runs", 20*time.Second, func() bool {
		_, err := l.host.try("ls /run/interdict/*/flows.1")
		return err == nil
	})
	l.cut()
	eventually(t, "the host is itself", o.Within+10*time.Second, func() bool { return !l.isolated() })
	l.host.try("nft delete table inet interdict_block")
	l.same(before)
	if err := <-ended; err == nil {
		t.Error("no error")
	}
	l.join()
}
