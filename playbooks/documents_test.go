package playbooks_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"interdict/playbooks"
	"interdict/playbooks/documentstest"
)

func TestTheDatabaseKeepsThePromisesOfAStore(t *testing.T) {
	file := filepath.Join(t.TempDir(), "interdict.db")
	documentstest.Run(t, "tests", func(t *testing.T) playbooks.Documents {
		db, err := sql.Open("sqlite", file)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		d, err := playbooks.OpenDocuments(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}
