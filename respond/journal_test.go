package respond_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"interdict/respond"
)

// state is a state directory with its database.
type state struct {
	dir string
	db  *sql.DB
}

func open(t *testing.T, dir string) state {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "interdict.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return state{dir, db}
}

func (s state) journal(t *testing.T) *respond.Journal {
	t.Helper()
	j, err := respond.OpenJournal(t.Context(), s.db, s.dir)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// tamper runs SQL behind the journal's back.
func (s state) tamper(t *testing.T, statements ...string) {
	t.Helper()
	for _, text := range append([]string{`DROP TRIGGER IF EXISTS journal_entries_no_update`, `DROP TRIGGER IF EXISTS journal_entries_no_delete`}, statements...) {
		if _, err := s.db.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

func note(n int) respond.Entry {
	body, _ := json.Marshal(respond.Outcome{Error: fmt.Sprintf("entry %d", n)})
	return respond.Entry{Op: respond.NewOp(), Host: "web-1", HostID: "m", Kind: "test.kind", Phase: respond.Failed, Body: body, Actor: respond.Actor{User: "ana"}}
}

func appendNotes(t *testing.T, j *respond.Journal, n int) {
	t.Helper()
	for i := range n {
		if _, err := j.Append(t.Context(), note(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func verify(t *testing.T, j *respond.Journal) respond.Check {
	t.Helper()
	c, err := j.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhatIsAppendedComesBackChainedAndWhole(t *testing.T) {
	s := open(t, t.TempDir())
	j := s.journal(t)
	stored, err := j.Append(t.Context(), note(1), note(2))
	if err != nil {
		t.Fatal(err)
	}
	if stored[0].Seq != 1 || stored[1].Seq != 2 || stored[1].Prev != stored[0].Hash {
		t.Fatalf("not chained: %+v", stored)
	}
	got, err := s.journal(t).Entries(t.Context(), 0, 10) // another opening reads the same
	if err != nil || len(got) != 2 {
		t.Fatalf("%d entries, %v", len(got), err)
	}
	if a, b := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", stored); a != b {
		t.Errorf("read back\n%s\nwant\n%s", a, b)
	}
	if c := verify(t, j); !c.OK() || c.Entries != 2 || c.Head != stored[1].Hash || c.Behind != 0 {
		t.Errorf("verify: %+v", c)
	}
}

func TestTheJournalIsAppendOnlyForTheProgram(t *testing.T) {
	s := open(t, t.TempDir())
	appendNotes(t, s.journal(t), 1)
	for _, text := range []string{`UPDATE journal_entries SET host = 'x'`, `DELETE FROM journal_entries`} {
		if _, err := s.db.Exec(text); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestVerifyNamesWhatWasTamperedWith(t *testing.T) {
	const columns = `op, wall, boot_id, boot, actor, host, host_id, kind, phase, body, override, prev, hash`
	for _, tc := range []struct {
		name   string
		sql    []string
		broken int64
		why    string
	}{
		{"body changed", []string{`UPDATE journal_entries SET body = CAST('{}' AS BLOB) WHERE seq = 3`}, 3, "was changed"},
		{"host changed", []string{`UPDATE journal_entries SET host = 'web-2' WHERE seq = 1`}, 1, "was changed"},
		{"text moved between fields", []string{`UPDATE journal_entries SET host = host || host_id, host_id = '' WHERE seq = 2`}, 2, "was changed"},
		{"boot clock changed", []string{`UPDATE journal_entries SET boot = boot + 1 WHERE seq = 5`}, 5, "was changed"},
		{"an override wiped in", []string{`UPDATE journal_entries SET override = CAST('{"by":"x"}' AS BLOB) WHERE seq = 4`}, 4, "was changed"},
		{"dropped in the middle", []string{`DELETE FROM journal_entries WHERE seq = 3`}, 3, "is missing"},
		{"dropped at the beginning", []string{`DELETE FROM journal_entries WHERE seq = 1`}, 1, "is missing"},
		{"dropped and renumbered", []string{`DELETE FROM journal_entries WHERE seq = 3`, `UPDATE journal_entries SET seq = seq - 1 WHERE seq > 3`}, 3, "does not follow"},
		{"dropped at the end", []string{`DELETE FROM journal_entries WHERE seq > 4`}, 5, "missing from the end"},
		{"all dropped", []string{`DELETE FROM journal_entries`}, 1, "missing from the end"},
		{"added at the end", []string{`INSERT INTO journal_entries (seq, ` + columns + `) SELECT 7, ` + columns + ` FROM journal_entries WHERE seq = 2`}, 7, "does not follow"},
		{"added before the first", []string{`INSERT INTO journal_entries (seq, ` + columns + `) SELECT 0, ` + columns + ` FROM journal_entries WHERE seq = 1`}, 1, "stands where"},
		{"swapped", []string{`UPDATE journal_entries SET seq = -1 WHERE seq = 2`, `UPDATE journal_entries SET seq = 2 WHERE seq = 3`, `UPDATE journal_entries SET seq = 3 WHERE seq = -1`}, 2, "does not follow"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			j := s.journal(t)
			appendNotes(t, j, 6)
			s.tamper(t, tc.sql...)
			if c := verify(t, j); c.OK() || c.Broken != tc.broken || !strings.Contains(c.Why, tc.why) {
				t.Errorf("got %+v, want entry %d: %s", c, tc.broken, tc.why)
			}
		})
	}
}

func TestWhatStandsBehindMissingEntriesIsReadAllTheSame(t *testing.T) {
	s := open(t, t.TempDir())
	j := s.journal(t)
	appendNotes(t, j, 7)
	s.tamper(t, `DELETE FROM journal_entries WHERE seq BETWEEN 2 AND 5`)
	got, err := j.Entries(t.Context(), 1, 1)
	if err != nil || len(got) != 1 || got[0].Seq != 6 {
		t.Errorf("behind the gap: %+v, %v", got, err)
	}
}

func TestAChainThatWasForgedBehindTheHeadIsFound(t *testing.T) {
	s, other := open(t, t.TempDir()), open(t, t.TempDir())
	j := s.journal(t)
	appendNotes(t, j, 3)
	forged := other.journal(t)
	appendNotes(t, forged, 5) // whole in itself, but not ours
	s.tamper(t, `DELETE FROM journal_entries`, `ATTACH '`+filepath.Join(other.dir, "interdict.db")+`' AS o`, `INSERT INTO journal_entries SELECT * FROM o.journal_entries`)
	if c := verify(t, j); c.OK() || !strings.Contains(c.Why, "entry 3 is not the one that was remembered") {
		t.Errorf("%+v", c)
	}
}

func TestAForgedChainWithAHeadOfItsOwnIsFoundByTheSignature(t *testing.T) {
	s, other := open(t, t.TempDir()), open(t, t.TempDir())
	j := s.journal(t)
	appendNotes(t, j, 3)
	ours := verify(t, j).Signer
	forged := other.journal(t)
	appendNotes(t, forged, 5)
	s.tamper(t, `DELETE FROM journal_entries`, `ATTACH '`+filepath.Join(other.dir, "interdict.db")+`' AS o`, `INSERT INTO journal_entries SELECT * FROM o.journal_entries`)
	b, err := os.ReadFile(filepath.Join(other.dir, "journal.head"))
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, "journal.head"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if c := verify(t, j); ours == "" || c.OK() || !strings.Contains(c.Why, "signed by another key") {
		t.Errorf("%+v, signed by %q before", c, ours)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "journal.head"), bytes.Replace(b, []byte(`"seq":5`), []byte(`"seq":4`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := verify(t, j); c.OK() || !strings.Contains(c.Why, "signature does not hold") {
		t.Errorf("%+v", c)
	}
}

func TestOpenSSHProvesTheHeadOfAJournal(t *testing.T) {
	s := open(t, t.TempDir())
	appendNotes(t, s.journal(t), 3)
	b, err := os.ReadFile(filepath.Join(s.dir, "journal.head"))
	if err != nil || len(b) != 512 {
		t.Fatalf("%d bytes: %v", len(b), err)
	}
	var h struct {
		Seq             int64
		Hash, Signature string
	}
	public, readErr := os.ReadFile(filepath.Join(s.dir, respond.SignerFile+".pub"))
	if err := errors.Join(json.Unmarshal(b, &h), readErr); err != nil {
		t.Fatal(err)
	}
	signers, signature := filepath.Join(s.dir, "signers"), filepath.Join(s.dir, "head.sig")
	if err := errors.Join(os.WriteFile(signers, append([]byte("console "), public...), 0o600), os.WriteFile(signature, []byte(h.Signature), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("ssh-keygen is not there")
	}
	cmd := exec.Command("ssh-keygen", "-Y", "verify", "-f", signers, "-I", "console", "-n", "interdict-journal", "-s", signature)
	cmd.Stdin = strings.NewReader(fmt.Sprintf("%d %s\n", h.Seq, h.Hash))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAHeadThatIsMissingOrDamagedIsSaid(t *testing.T) {
	for name, harm := range map[string]func(string) error{
		"no head":         os.Remove,
		"damaged":         func(p string) error { return os.WriteFile(p, []byte("{"), 0o600) },
		"hash of nothing": func(p string) error { return os.WriteFile(p, []byte(`{"seq":2,"hash":"00"}`), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			j := s.journal(t)
			appendNotes(t, j, 2)
			if err := harm(filepath.Join(s.dir, "journal.head")); err != nil {
				t.Fatal(err)
			}
			if c := verify(t, s.journal(t)); c.OK() || c.Broken != 3 {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestAppendingToACutJournalChainsTheBreakAndGoesOn(t *testing.T) {
	s := open(t, t.TempDir())
	j := s.journal(t)
	appendNotes(t, j, 5)
	s.tamper(t, `DELETE FROM journal_entries WHERE seq > 3`)
	appendNotes(t, j, 2)
	c := verify(t, j)
	if c.OK() || c.Broken != 0 || len(c.Breaks) != 1 || c.Breaks[0].Seq != 4 || !strings.Contains(c.Breaks[0].Why, "missing from the end") {
		t.Fatalf("%+v", c)
	}
	if c.Entries != 6 {
		t.Errorf("%d entries checked, want all 6", c.Entries)
	}
}

func TestACorruptDatabaseIsSaidAndLeftAlone(t *testing.T) {
	dir := t.TempDir()
	garbage := []byte(strings.Repeat("this is no database. ", 500))
	path := filepath.Join(dir, "interdict.db")
	if err := os.WriteFile(path, garbage, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := respond.OpenJournal(t.Context(), open(t, dir).db, dir)
	if !errors.Is(err, respond.ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
	if left, _ := os.ReadFile(path); string(left) != string(garbage) {
		t.Error("the damaged file was changed")
	}
}

func TestDamagedPagesAreSaid(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	appendNotes(t, s.journal(t), 200)
	s.db.Close() // checkpoints
	path := filepath.Join(dir, "interdict.db")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(b); i++ {
		b[i] ^= 0x5a
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := respond.OpenJournal(t.Context(), open(t, dir).db, dir)
	if err == nil {
		_, err = j.Verify(t.Context())
	}
	if !errors.Is(err, respond.ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
}

func TestAJournalInAFreshDatabaseNotesThatTheOldOneIsGone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	appendNotes(t, s.journal(t), 3)
	s.db.Close()
	if err := os.Rename(filepath.Join(dir, "interdict.db"), filepath.Join(dir, "aside.db")); err != nil {
		t.Fatal(err)
	}
	j := open(t, dir).journal(t)
	if all, err := j.Standing(t.Context()); !errors.Is(err, respond.ErrGap) || len(all) != 0 {
		t.Errorf("nothing stands: %v, %v", all, err)
	}
	appendNotes(t, j, 1)
	if _, err := j.Standing(t.Context()); !errors.Is(err, respond.ErrGap) {
		t.Errorf("with a new entry nothing stands: %v", err)
	}
	if c := verify(t, j); c.OK() || len(c.Breaks) != 1 || !strings.Contains(c.Breaks[0].Why, "entry 3 was remembered") {
		t.Errorf("%+v", c)
	}
}

func TestADatabaseOfANewerProgramIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	s.journal(t)
	s.tamper(t, `INSERT INTO journal_schema VALUES (99)`)
	if _, err := respond.OpenJournal(t.Context(), s.db, s.dir); err == nil || !strings.Contains(err.Error(), "use a newer one") {
		t.Errorf("got %v", err)
	}
}

func TestADirectoryThatIsNotThereIsNamed(t *testing.T) {
	s := open(t, t.TempDir())
	gone := filepath.Join(s.dir, "gone")
	if _, err := respond.OpenJournal(context.Background(), s.db, gone); err == nil || !strings.Contains(err.Error(), gone) {
		t.Errorf("got %v", err)
	}
}
