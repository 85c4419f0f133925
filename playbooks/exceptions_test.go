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
