package respond_test

import (
	"strings"
	"testing"

	"interdict/respond"
)

func TestAProcessIsWrittenAndReadAsNumberAtStart(t *testing.T) {
	id, err := respond.ParseProcessID("4121@256658")
	if err != nil || id.PID != 4121 || id.Ticks() != 256658 || id.String() != "4121@256658" {
		t.Fatal(id, err)
	}
	for _, bad := range []string{"", "4121", "@", "4121@", "@1", "0@1", "-1@1", "+1@1", "1@+1", "1@-1", "99999999999@1", "1@99999999999999999999", "1@2@3", " 1@2", "1@2 "} {
		if _, err := respond.ParseProcessID(bad); err == nil || !strings.Contains(err.Error(), "process") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestTheSameProcessIsTheSameWhoeverReportsIt(t *testing.T) {
	sensor := respond.ProcessID{HostID: "h", BootID: "b", PID: 7, Start: 1_234_567_891}
	proc := respond.ProcessID{BootID: "b", PID: 7, Start: 1_230_000_000, Inode: 99}
	if !sensor.Same(proc) || !proc.Same(sensor) {
		t.Error("exact and ticked start do not agree")
	}
	for name, change := range map[string]func(*respond.ProcessID){
		"boot":   func(p *respond.ProcessID) { p.BootID = "c" },
		"number": func(p *respond.ProcessID) { p.PID = 8 },
		"start":  func(p *respond.ProcessID) { p.Start += respond.Tick },
		"inode":  func(p *respond.ProcessID) { p.Inode = 100 },
	} {
		other := proc
		change(&other)
		if proc.Same(other) {
			t.Errorf("another %s is another process", name)
		}
	}
}

func FuzzParseProcessIDRoundTrips(f *testing.F) {
	for _, s := range []string{"1@0", "4121@256658", "x", "2147483647@9223372036854775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := respond.ParseProcessID(s)
		if err != nil {
			return
		}
		again, err := respond.ParseProcessID(id.String())
		if err != nil || again != id {
			t.Errorf("%q → %v → %v, %v", s, id, again, err)
		}
	})
}
