package detect

import (
	"strings"
	"testing"
	"time"
)

func placed(t *testing.T, pattern, kind string) Place {
	t.Helper()
	p, err := ParsePattern(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return Place{p, kind}
}

func TestAPatternFitsWholePaths(t *testing.T) {
	for _, c := range []struct {
		pattern, file string
		fits          bool
	}{
		{"/srv/crown/**", "/srv/crown/a/b.bin", true},
		{"/srv/crown/**", "/srv/crown2/a", false},
		{"/srv/crown/**", "/x/srv/crown/a", false},
		{"/srv/*/x", "/srv/a/x", true},
		{"/srv/*/x", "/srv/a/b/x", false},
		{"/srv/**/x", "/srv/x", true},
		{"/srv/**/x", "/srv/a/b/x", true},
		{"/srv/a**/x", "/srv/ax", false},
		{"/srv/**/x", "/srv/ax", false},
		{"/srv/**/**/x", "/srv/x", true},
		{"/srv/**/**/x", "/srv/a/x", true},
		{"**/**/x", "/x", true},
		{"/srv/**/**", "/srv/x", true},
		{"/srv/**/**", "/srvx", false},
		{"**/*.crown", "/a/b c\n.crown", true},
		{"**/*.crown", "/b.crown", true},
		{"**/plan?.txt", "/a/plan1.txt", true},
		{"/srv/(a+)+$.[x]", "/srv/(a+)+$.[x]", true},
		{"/srv/a.b", "/srv/aXb", false},
		{"/srv/ü?", "/srv/üß", true},
	} {
		if got := placed(t, c.pattern, "").Files.Fits(c.file); got != c.fits {
			t.Errorf("%q on %q: %v", c.pattern, c.file, got)
		}
	}
	if (Pattern{}).Fits("/srv/a") {
		t.Error("a pattern that is none fits")
	}
}

func TestAPatternThatCannotBeMeantIsRefused(t *testing.T) {
	for pattern, why := range map[string]string{
		"": "whole path", "srv/crown": "whole path", "*.csv": "whole path", "/": "nearly every", "/**": "nearly every", "**/*": "nearly every",
		"/*/?*/**": "nearly every", "/" + strings.Repeat("a*", 400): "at most",
	} {
		if _, err := ParsePattern(pattern); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.20q: %v", pattern, err)
		}
	}
}

func TestAPlaceRaisesAClassAndNeverLowersOne(t *testing.T) {
	k := newTracker()
	k.places = []Place{placed(t, "/srv/crown/**", "customer data"), placed(t, "/home/**", "document")}
	for file, want := range map[string]string{
		"/srv/crown/plan.bin": "customer data", "/srv/crown/all.tar": "customer data", "/srv/crown/id_rsa": "key material", "/srv/crown/a.crt": "customer data",
		"/home/bob/.ssh/id_rsa": "key material", "/home/bob/x": "document", "/srv/other": "",
	} {
		if got := k.kind(file); got != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
}

func TestAConfiguredFileCountsAsTheBuiltInKindsDo(t *testing.T) {
	s := backup(1000)
	s.open(811, "/srv/pki/root.bin", 400)
	rules, _ := Builtin()
	e, err := New(Options{Rules: rules, Now: func() time.Time { return s.now }, Sensitive: []Place{placed(t, "/srv/pki/**", "key material")}})
	if err != nil {
		t.Fatal(err)
	}
	e.SetExceptions([]*Exception{nightly()})
	if err := e.Put(t.Context(), s.batch()); err != nil {
		t.Fatal(err)
	}
	snap := e.Snapshot()
	if len(snap.Findings) != 1 || !strings.Contains(snap.Findings[0].Breach, "/srv/pki/root.bin (key material)") {
		t.Fatalf("%d shown, %d hidden", len(snap.Findings), len(snap.Hidden))
	}
	if class, _ := snap.Findings[0].Transfer.Content(); class != "key material" {
		t.Errorf("content is %s", class)
	}
}
