package playbooks

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"interdict/detect"
)

func TestProposalsHideTheirFindingAndGrowWider(t *testing.T) {
	_, f := backup()
	all := Propose(f)
	if len(all) < 3 {
		t.Fatalf("%d proposals", len(all))
	}
	for i, p := range all {
		if !p.Fits(f) || p.MaxBytes < 2*f.Transfer.Sent {
			t.Errorf("%q does not hide what it was made for", p.Words)
		}
		if i > 0 && len(p.Entries) > len(all[i-1].Entries) {
			t.Errorf("%q has more conditions than the one before", p.Words)
		}
	}
	other := *f
	transfer := *f.Transfer
	other.Transfer = &transfer
	transfer.Peers = []detect.Peer{{Addr: addr("203.0.113.9"), Port: 22, Sent: 1}}
	for _, p := range all {
		if p.Fits(&other) {
			t.Errorf("%q hides another far end too", p.Words)
		}
	}
}

func TestAnExceptionIsKeptCountedAndEnded(t *testing.T) {
	c := openCases(t, filepath.Join(t.TempDir(), "interdict.db"))
	ctx := t.Context()
	_, f := backup()
	x := Propose(f)[0].Exception
	if _, err := c.Except(ctx, x, "ana"); err == nil {
		t.Error("an exception without reason and end is kept")
	}
	x.Reason, x.Expires = "nightly backup", time.Now().Add(time.Hour)
	before, _ := c.Said(ctx)
	made, err := c.Except(ctx, x, "ana")
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := c.Said(ctx); after == before {
		t.Error("other consoles do not hear of it")
	}
	for _, a := range []string{"a1", "a1", "a2"} {
		if err := c.Hid(ctx, made.ID, a); err != nil {
			t.Fatal(err)
		}
	}
	all, err := c.Exceptions(ctx)
	if err != nil || len(all) != 1 || all[0].Hidden != 2 || all[0].Author != "ana" || !all[0].InForce(time.Now()) || !all[0].Fits(f) {
		t.Fatalf("%+v, %v", all, err)
	}
	if err := c.EndException(ctx, made.ID, "bob"); err != nil {
		t.Fatal(err)
	}
	if err := c.EndException(ctx, made.ID, "bob"); err == nil {
		t.Error("it ends twice")
	}
	if all, _ = c.Exceptions(ctx); all[0].InForce(time.Now()) || all[0].EndedBy != "bob" {
		t.Errorf("%+v", all[0])
	}
}

func TestADamagedExceptionIsSaidAndHidesNothing(t *testing.T) {
	c := openCases(t, filepath.Join(t.TempDir(), "interdict.db"))
	if _, _, err := c.local.Write(t.Context(), ExceptionDocuments, "x9", []byte(`{"v":1,"exception":{"entries":[]}}`), ""); err != nil {
		t.Fatal(err)
	}
	all, err := c.Exceptions(t.Context())
	if len(all) != 0 || err == nil || !strings.Contains(err.Error(), "x9 is not applied") {
		t.Errorf("%v, %v", all, err)
	}
}

func TestAPreviewCountsTheTransfersOfTwoWeeksThatWouldHaveBeenHidden(t *testing.T) {
	k := recorded(t)
	x := &detect.Exception{Entries: []detect.Entry{
		{Field: "process.command_line", Values: []string{`scp -q /srv/out/*.tgz deploy@10.0.4.12:in/`}, Wildcard: true},
		{Field: "process.parent.executable", Values: []string{"/usr/bin/bash", "/usr/bin/dash"}},
		{Field: "user.name", Values: []string{"nobody\" OR true"}, Not: true},
		{Field: "destination.ip", Values: []string{"10.0.4.12"}},
	}}
	x.Entries[2].Not = false
	if got := Preview(t.Context(), k, x, night); !strings.HasPrefix(got, "at most 0 transfers") {
		t.Errorf("a value was taken for a condition: %s", got)
	}
	x.Entries = append(x.Entries[:2], x.Entries[3])
	if got, want := Preview(t.Context(), k, x, night), "at most 13 transfers on 1 host in 14 d: destination.ip not looked at"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	for _, p := range Propose(func() *detect.Finding { _, f := backup(); return f }()) {
		if got := Preview(t.Context(), k, &p.Exception, night); strings.HasPrefix(got, "not known") {
			t.Errorf("%s: %s", p.Words, got)
		}
	}
}

func TestAnExceptionIsRenewedButNotOnceItWasEnded(t *testing.T) {
	c := openCases(t, filepath.Join(t.TempDir(), "interdict.db"))
	_, f := backup()
	x := Propose(f)[0].Exception
	x.Reason, x.Expires = "nightly backup", time.Now().Add(time.Hour)
	made, err := c.Except(t.Context(), x, "ana")
	if err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	if err := c.RenewException(t.Context(), made.ID, "bob", time.Now().Add(-time.Hour)); err == nil {
		t.Error("it was renewed into the past")
	}
	if err := c.RenewException(t.Context(), made.ID, "bob", until); err != nil {
		t.Fatal(err)
	}
	all, err := c.Exceptions(t.Context())
	if err != nil || len(all) != 1 || !all[0].Expires.Equal(until) || all[0].Author != "ana" || !all[0].Fits(f) {
		t.Errorf("%+v, %v", all, err)
	}
	if err := c.EndException(t.Context(), made.ID, "ana"); err != nil {
		t.Fatal(err)
	}
	if err := c.RenewException(t.Context(), made.ID, "bob", until); err == nil {
		t.Error("one that was ended is in force again")
	}
}
