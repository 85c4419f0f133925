package respond_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"interdict/respond"
)

// keyPair makes a key with ssh-keygen and gives its path.
func keyPair(t *testing.T, kind string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "id")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path).CombinedOutput(); err != nil {
		t.Skipf("no ssh-keygen: %v: %s", err, out)
	}
	return path
}

func publicHalf(t *testing.T, path string) (text, print string) {
	t.Helper()
	b, err := os.ReadFile(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	k, _, _, _, err := ssh.ParseAuthorizedKey(b)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(b))[:2], " "), ssh.FingerprintSHA256(k)
}

func signers(t *testing.T, lines ...string) respond.Signers {
	t.Helper()
	s, err := respond.ReadSigners([]byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signWith signs with ssh-keygen itself.
func signWith(t *testing.T, key, namespace string, document []byte) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", key, file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(file + ".sig")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var document = []byte("what is to be done\n")

func codeOf(err error) string {
	var r *respond.Refusal
	if !errors.As(err, &r) {
		return "none"
	}
	return r.Reasons[0].Code
}

func TestASecondPersonSignsWithTheKeyTheyHave(t *testing.T) {
	ana := respond.Person{Actor: respond.Actor{User: "ana (as root)"}, Keys: []string{"SHA256:ana"}}
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		key := keyPair(t, kind)
		public, print := publicHalf(t, key)
		list := signers(t, "# who may", `bob@example.org namespaces="interdict" `+public)
		a, err := list.Approve(document, signWith(t, key, "interdict", document), ana)
		if err != nil || a.By != "bob@example.org" || a.Key != print || a.Proposal != respond.SumOf(document) {
			t.Errorf("%s: %+v, %v", kind, a, err)
		}
		// What this program signs ssh-keygen takes, and so does it itself.
		b, _ := os.ReadFile(key)
		private, err := ssh.ParsePrivateKey(b)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := respond.Sign(private, document)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := list.Approve(document, signature, ana); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		dir := t.TempDir()
		os.WriteFile(filepath.Join(dir, "allowed"), []byte("bob "+public+"\n"), 0o600)
		os.WriteFile(filepath.Join(dir, "sig"), signature, 0o600)
		verify := exec.Command("ssh-keygen", "-Y", "verify", "-n", "interdict", "-I", "bob", "-f", filepath.Join(dir, "allowed"), "-s", filepath.Join(dir, "sig"))
		verify.Stdin = strings.NewReader(string(document))
		if out, err := verify.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", kind, err, out)
		}
	}
}

func TestNobodyApprovesTheirOwnPlan(t *testing.T) {
	key, other := keyPair(t, "ed25519"), keyPair(t, "ed25519")
	public, print := publicHalf(t, key)
	second, _ := publicHalf(t, other)
	list := signers(t, "ana "+public, "ana,bob "+second)
	signature := signWith(t, key, "interdict", document)
	for name, c := range map[string]struct {
		want   string
		sig    []byte
		list   respond.Signers
		doc    []byte
		acting respond.Person
	}{
		"the key was at hand":           {respond.CodeSameKey, signature, list, document, respond.Person{Actor: respond.Actor{User: "root"}, Keys: []string{print}}},
		"another key of the same name":  {respond.CodeSamePerson, signWith(t, other, "interdict", document), list, document, respond.Person{Actor: respond.Actor{User: "ana (as root)"}}},
		"a key that nobody listed":      {respond.CodeUnknownKey, signature, signers(t, "bob "+second), document, respond.Person{}},
		"a key whose time is over":      {respond.CodeUnknownKey, signature, signers(t, `eve valid-before="20200101" `+public), document, respond.Person{}},
		"a key whose time will come":    {respond.CodeUnknownKey, signature, signers(t, `eve valid-after="29990101Z" `+public), document, respond.Person{}},
		"a key for something else":      {respond.CodeUnknownKey, signature, signers(t, `eve namespaces="git,file" `+public), document, respond.Person{}},
		"a signature of something else": {respond.CodeNotSigned, signWith(t, key, "git", document), list, document, respond.Person{}},
		"another document":              {respond.CodeNotSigned, signature, list, []byte("something else"), respond.Person{}},
		"no signature":                  {respond.CodeNotSigned, []byte("yes"), list, document, respond.Person{}},
		"an empty one":                  {respond.CodeNotSigned, []byte("-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n"), list, document, respond.Person{}},
	} {
		if a, err := c.list.Approve(c.doc, c.sig, c.acting); codeOf(err) != c.want || a != nil {
			t.Errorf("%s: %v, %v", name, a, err)
		}
	}
	for _, line := range []string{"ana", "ana ssh-ed25519", "ana cert-authority " + public, `ana valid-before="soon" ` + public, "ana ssh-ed25519 AAAA"} {
		if _, err := respond.ReadSigners([]byte(line)); err == nil {
			t.Errorf("%q was read", line)
		}
	}
}

func TestAProposalIsOfOneChangeAndOfToday(t *testing.T) {
	plan := func(host, kind string) *respond.Member {
		return &respond.Member{Plan: respond.Plan{Version: 1, Kind: kind, Host: host}}
	}
	read := func(at time.Time, members ...*respond.Member) error {
		b, err := respond.Propose(respond.Person{}, []string{"many"}, members)
		if err != nil {
			t.Fatal(err)
		}
		_, err = respond.ReadProposal(b, at)
		return err
	}
	now := time.Now()
	if err := read(now, plan("a", "host.block"), plan("b", "host.block")); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"twice the same host": read(now, plan("a", "host.block"), plan("a", "host.block")),
		"two changes":         read(now, plan("a", "host.block"), plan("b", "host.isolate")),
		"too late":            read(now.Add(3*time.Hour), plan("a", "host.block")),
		"nothing":             read(now),
	} {
		if err == nil {
			t.Error(name)
		}
	}
}

func TestManyHostsOrAWholeGroupNeedASecondPerson(t *testing.T) {
	var entries []respond.HostEntry
	for i := range 300 {
		e := respond.HostEntry{Name: "web-" + string(rune('a'+i/26)) + string(rune('a'+i%26)), Groups: []string{"all-web"}}
		if i < 3 {
			e.Groups = append(e.Groups, "front")
		}
		entries = append(entries, e)
	}
	entries[9].Environment = "production"
	v, err := respond.NewInventory(entries)
	if err != nil {
		t.Fatal(err)
	}
	names := func(from, to int) (list []string) {
		for _, e := range entries[from:to] {
			list = append(list, e.Name)
		}
		return list
	}
	r := respond.Rights{Levels: map[string]map[string]respond.Level{"staging": {"kill": respond.Second}}}
	for _, c := range []struct {
		kind  string
		names []string
		want  respond.Level
		why   string
	}{
		{"host.isolate", names(3, 4), respond.Asked, ""},
		{"host.isolate", names(20, 30), respond.Asked, ""},
		{"host.isolate", names(20, 31), respond.Second, "11 hosts are more than 10"},
		{"host.isolate", names(20, 36), respond.Second, "are 5 % of the inventory"},
		{"host.isolate", names(0, 3), respond.Second, "all 3 hosts of the group front"},
		{"host.isolate", names(0, 2), respond.Asked, ""},
		{"host.isolate", names(9, 10), respond.Typed, "is in production"},
		{"host.release", names(0, 100), respond.Asked, ""},
		{"process.kill", []string{respond.Local}, respond.Second, "is in staging"},
	} {
		level, why := r.Demand(c.kind, v, "staging", c.names)
		if level != c.want || !strings.Contains(strings.Join(why, "; "), c.why) {
			t.Errorf("%s of %d: %s, %q", c.kind, len(c.names), level, why)
		}
	}
}

func TestAnOrderIsMadeOnceAndNotAfterItWasForgotten(t *testing.T) {
	s := open(t, t.TempDir())
	q, err := respond.OpenOrders(t.Context(), s.db)
	if err != nil {
		t.Fatal(err)
	}
	soon := time.Now().Add(time.Hour)
	order := func(host, body string, until time.Time) respond.Order {
		return respond.Order{Host: host, Kind: "host.block", Body: []byte(body), Actor: respond.Actor{User: "ana"}, Run: "r", Why: "down", Until: until}
	}
	if err := q.Keep(t.Context(), order("web-1", "1", soon), order("web-1", "2", soon), order("web-1", "1", soon), order("web-2", "1", time.Time{})); err != nil {
		t.Fatal(err)
	}
	all, err := q.All(t.Context())
	if err != nil || len(all) != 3 {
		t.Fatalf("%d, %v", len(all), err)
	}
	for _, o := range all {
		if o.Queued(time.Now()) != (o.Host == "web-1") || o.Actor.User != "ana" || o.Approval != nil {
			t.Errorf("%+v", o)
		}
	}
	for _, want := range []bool{true, false} {
		if ok, err := q.Take(t.Context(), all[0].ID, time.Minute); ok != want || err != nil {
			t.Error(ok, err)
		}
	}
	if err := q.End(t.Context(), all[0], false, "still down", true); err != nil {
		t.Fatal(err)
	}
	if ok, _ := q.Take(t.Context(), all[0].ID, time.Minute); !ok {
		t.Error("it is not to be had again")
	}
	if err := q.End(t.Context(), all[0], true, "", false); err != nil {
		t.Fatal(err)
	}
	if n, err := q.Drop(t.Context(), "web-1", "", nil); n != 1 || err != nil {
		t.Error(n, err)
	}
	if n, err := q.Drop(t.Context(), "web-2", "host.block", []byte("other")); n != 0 || err != nil {
		t.Error(n, err)
	}
}

func TestWhatIsOldIsDeletedAndNotOnlyHidden(t *testing.T) {
	s := open(t, t.TempDir())
	q, err := respond.OpenOrders(t.Context(), s.db)
	if err != nil {
		t.Fatal(err)
	}
	kept := func() (n int) {
		if err := s.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM orders_open`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	age := func(days int) {
		if _, err := s.db.ExecContext(t.Context(), `UPDATE orders_open SET made = made - ?1 * 86400, until = until - ?1 * 86400 WHERE host = 'old'`, days); err != nil {
			t.Fatal(err)
		}
	}
	order := func(host string) respond.Order {
		return respond.Order{Host: host, Kind: "host.block", Body: []byte("1"), Run: "r", Until: time.Now().Add(time.Hour)}
	}
	if err := q.Keep(t.Context(), order("old"), order("new")); err != nil {
		t.Fatal(err)
	}
	age(6)
	if _, err := respond.OpenOrders(t.Context(), s.db); err != nil || kept() != 2 {
		t.Errorf("%d, %v", kept(), err)
	}
	age(3)
	if _, err := respond.OpenOrders(t.Context(), s.db); err != nil || kept() != 1 {
		t.Errorf("%d, %v", kept(), err)
	}
	if err := q.Keep(t.Context(), order("old")); err != nil {
		t.Fatal(err)
	}
	age(9)
	if err := q.Keep(t.Context(), order("third")); err != nil || kept() != 2 {
		t.Errorf("%d, %v", kept(), err)
	}
}
