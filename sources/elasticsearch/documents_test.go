package elasticsearch

import (
	"fmt"
	"testing"

	"interdict/playbooks"
	"interdict/playbooks/documentstest"
)

func TestTheClusterKeepsThePromisesOfAStoreOfDocuments(t *testing.T) {
	kind := somewhere(t)
	defer do(t, "DELETE", "/"+documentsPrefix+kind, "")
	documentstest.Run(t, kind, func(t *testing.T) playbooks.Documents { return connect(t).Documents() })
}

func TestAConsoleThatBeginsIsToldOfTheAlertsThatWereWrittenLastAndThenOfAll(t *testing.T) {
	kind := somewhere(t)
	defer do(t, "DELETE", "/"+documentsPrefix+kind, "")
	d := connect(t).Documents()
	write := func(id string) {
		t.Helper()
		if _, ok, err := d.Write(t.Context(), kind, id, []byte(`{"v":1}`), ""); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	for i := range 60 {
		write(fmt.Sprintf("%02d", i))
	}
	changes := func(since string) (ids []string, mark string) {
		t.Helper()
		must(t, "POST", "/"+documentsPrefix+kind+"/_refresh", "")
		mark, err := d.Changes(t.Context(), kind, since, func(id, _ string, _ []byte) error { ids = append(ids, id); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return ids, mark
	}
	all, _ := changes("")
	d.atFirst[kind] = 40
	some, mark := changes("")
	write("60")
	more, _ := changes(mark)
	if len(all) != 60 || len(some) != 40 || some[0] != "20" || more[len(more)-1] != "60" {
		t.Errorf("all: %d, at first: %q, then: %q", len(all), some, more)
	}
}
