package detect

import (
	"fmt"
	"testing"
)

func TestTransfersOfOneParentShareTheirAncestorsAndSeeThemEnd(t *testing.T) {
	ours, s := epoch, newScene()
	e := watched(t, &ours)
	s.exec(5, 1, "/usr/bin/bash x.sh")
	for i := range 3 {
		s.exec(10+i, 5, fmt.Sprint("scp /srv/", i, " h:"))
	}
	put := func() []*Transfer {
		t.Helper()
		if err := e.Put(t.Context(), s.batch()); err != nil {
			t.Fatal(err)
		}
		e.tick(t.Context())
		var all []*Transfer
		for i := range 3 {
			all = append(all, e.track.transferOf(t, s.entity(10+i), ours))
		}
		return all
	}
	all := put()
	for _, one := range all {
		if len(one.Ancestors) == 0 || !one.Ancestors[0].Alive() || &one.Ancestors[0] != &all[0].Ancestors[0] {
			t.Fatalf("%+v", one.Ancestors)
		}
	}
	s.exit(5, 3)
	for _, one := range put() {
		if one.Ancestors[0].Alive() || one.Ancestors[0].ExitCode != 3 {
			t.Errorf("%+v", one.Ancestors[0])
		}
	}
	if !all[0].Ancestors[0].Alive() {
		t.Error("what was shown before was changed")
	}
	s.exec(6, 1, "/usr/bin/bash y.sh").exec(20, 6, "scp a h:")
	put()
	s.exec(6, 1, "/usr/bin/python3 z.py").exec(21, 6, "scp b h:") // the same process runs something else
	put()
	if a, b := e.track.transferOf(t, s.entity(20), ours), e.track.transferOf(t, s.entity(21), ours); a.Ancestors[0].Label() != "y.sh" || b.Ancestors[0].Label() != "z.py" {
		t.Errorf("%q, %q", a.Ancestors[0].CommandLine, b.Ancestors[0].CommandLine)
	}
}
