package evidence

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// told keeps what a demux says.
type told struct{ lines []string }

func (t *told) begin(id string, _ time.Duration) error {
	t.lines = append(t.lines, "B "+id+":")
	return nil
}

func (t *told) data(b []byte) error {
	t.lines[len(t.lines)-1] += string(b)
	return nil
}

func (t *told) end(status string, _ time.Duration) error {
	t.lines = append(t.lines, "E "+status)
	return nil
}

func framed(content string) string {
	return "noise\n#w B 1 1.50\n" + content + "\n#w E 0 2.25\n\n#w .\n"
}

// However it is cut into pieces, content comes out as it went in.
func FuzzFramesComeOutAsTheyWentIn(f *testing.F) {
	f.Add("text\n", 1)
	f.Add("\n#x B 2 1\n\n#", 7)
	f.Add("", 3)
	f.Fuzz(func(t *testing.T, content string, size int) {
		if strings.Contains(content+"\n", "\n#w ") || strings.HasPrefix(content, "#w ") {
			t.Skip("who knows the word can forge")
		}
		size = max(1, size%64)
		to := &told{}
		d := newDemux("w", to)
		for b := []byte(framed(content)); len(b) > 0; {
			n := min(size, len(b))
			if _, err := d.Write(b[:n]); err != nil {
				t.Fatal(err)
			}
			b = b[n:]
		}
		if whole, err := d.close(); !whole || err != nil || len(to.lines) != 2 || to.lines[0] != "B 1:"+content {
			t.Errorf("%q: %q %v %v", content, to.lines, whole, err)
		}
	})
}

func FuzzWhatAHostWritesIsReadOrRefused(f *testing.F) {
	f.Add([]byte(framed("x")))
	f.Add([]byte("\n#w B 1 1\n\n#w B 2 2\n"))
	f.Add([]byte("\n#w E 0 1\n"))
	f.Add([]byte("\n#w " + strings.Repeat("x", 500)))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := newDemux("w", &told{})
		_, wrote := d.Write(b)
		_, err := d.close()
		if wrote != nil && !errors.Is(err, errFrames) {
			t.Errorf("%v %v", wrote, err)
		}
		complaints(b, "w")
		parseStats(string(b))
		new(member).looked(string(b))
		Redacted(b)
	})
}

func FuzzABundleIsReadOrNamedAsNone(f *testing.F) {
	var b bytes.Buffer
	for _, name := range []string{nameReadme, nameHead, nameSums, nameSignature} {
		b.Write(header(name, 3, 1))
		b.WriteString("abc" + strings.Repeat("\x00", 509))
	}
	b.Write(make([]byte, 2*blockSize))
	f.Add(b.Bytes())
	f.Add([]byte{})
	f.Add(b.Bytes()[:700])
	negative := bytes.Clone(b.Bytes())
	copy(negative[124:], "-0000000001")
	f.Add(negative)
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "b.tar")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := CheckBundle(t.Context(), path, CheckOptions{}); err != nil || c.Whole() || len(c.Faults) == 0 {
			t.Errorf("%+v %v", c, err)
		}
	})
}
