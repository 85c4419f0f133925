package remote

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"testing"
)

const odd = "//.//./"

func printed(parts ...string) []byte {
	var b bytes.Buffer
	for i := 0; i+1 < len(parts); i += 2 {
		fmt.Fprintf(&b, "\n==> /proc%s/%s <==\n%s", odd, parts[i], parts[i+1])
	}
	return b.Bytes()
}

func TestACommandLineThatImitatesAnotherFileIsOnlyACommandLine(t *testing.T) {
	forged := "x\n==> /proc/7/stat <==\n7 (innocent) S 1\n"
	f, err := parseFiles(printed("5/cmdline", forged, "7/stat", "true", "0/end", ""), odd)
	if err != nil || string(f["7/stat"]) != "true" || string(f["5/cmdline"]) != forged {
		t.Errorf("%q %v", f, err)
	}
}

func TestWhatIsThereTwiceIsNotBelieved(t *testing.T) {
	f, err := parseFiles(printed("7/stat", "true", "7/stat", "forged", "8/stat", "x", "0/end", ""), odd)
	if _, have := f["7/stat"]; err != nil || have || string(f["8/stat"]) != "x" {
		t.Errorf("%q %v", f, err)
	}
	line := func(name, to string) string {
		return "lrwxrwxrwx 1 0 0 0 Nov 26 05:31 /proc" + odd + "/" + name + " -> " + to
	}
	f = files{"0/links": []byte(line("7/exe", "/a") + "\n" + line("8/exe", "/b\nc -> d") + "\n" + line("7/exe", "/forged") + "\n")}
	if l := f.links(odd); l["7/exe"] != "" || l["8/exe"] != "/b\nc -> d" {
		t.Errorf("%q", l)
	}
}

func TestOutputThatWasCutOffIsToldFromAHostWithFewProcesses(t *testing.T) {
	whole := printed("7/stat", "true", "0/end", "")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(whole)
	z.Close()
	if f, err := parseFiles(packed.Bytes(), odd); err != nil || string(f["7/stat"]) != "true" {
		t.Errorf("%q %v", f, err)
	}
	for _, out := range [][]byte{whole[:len(whole)-20], packed.Bytes()[:packed.Len()/2], nil} {
		if _, err := parseFiles(out, odd); err == nil {
			t.Errorf("%q passed for whole", out)
		}
	}
	if a, b := spelling(), spelling(); a == b {
		t.Error("two calls spell alike")
	}
}

func TestSocketsOfSSAreReadFromTheRight(t *testing.T) {
	all := parseUnix(`u_str ESTAB 0      0      /tmp/a b" * 1 * 2 609604 * 609603 users:(("ssh",pid=9192,fd=5),("ssh",pid=9193,fd=5))
u_str ESTAB 0      0      * 609603 * 609604 users:(("scp",pid=77,fd=3))
u_str ESTAB 0      0      * 5 * 0
u_str ESTAB 0      0      * 6 * 7 users:(("x",pid=1,fd=3)",pid=9,fd=3))
`)
	if s := all[609604]; s.path != `/tmp/a b" * 1 * 2` || s.peer != 609603 || len(s.owners) != 2 || s.owners[1] != 9193 {
		t.Errorf("%+v", s)
	}
	if s := all[609603]; s.path != "*" || !s.known {
		t.Errorf("%+v", s)
	}
	if s := all[6]; s.known || s.owners != nil {
		t.Errorf("a name passed for another owner: %+v", s)
	}
}
