package files

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"interdict/sources"
)

// FuzzFilesAreAnsweredOrRefused: whatever stands in a file, a question ends in
// an answer, with the lines that were no rows counted, or in an error.
func FuzzFilesAreAnsweredOrRefused(f *testing.F) {
	for _, s := range []string{
		"{\"@timestamp\":\"2026-01-01T00:00:00Z\",\"process\":{\"name\":\"scp\",\"pid\":1}}\n{\"process.pid\":\"x\"}\nrubbish\n",
		"{\"a\":1,\"a\":\"b\",\"a\":{\"b\":[1,\"c\",null]}}\n[1]\n\n{\"a\":1e999}\n{", "\xef\xbb\xbf{\"a\":\"\\ud83d\"}\r\n", "{\"create\":{}}\n{\"a\":1}\n",
	} {
		f.Add([]byte(s), false)
	}
	for _, s := range []string{"a,b\n1,\"x\"\"y\"\n2\n", "a;b\tc\n\"1\n2\",3\n", "a,a,\n,,\n", "@timestamp,ip\n2026-01-01,::1\n\"", "\x00,\xff\n"} {
		f.Add([]byte(s), true)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte, csv bool) {
		path := filepath.Join(dir, "events.ndjson")
		if csv {
			path = filepath.Join(dir, "events.csv")
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := Open(t.Context(), Config{Paths: []string{path}})
		if err != nil {
			return
		}
		defer shut(t, h)
		for _, query := range []string{"FROM *", "FROM * | STATS n = COUNT(*)", `FROM * | WHERE process.name == "scp" | KEEP process.name, @timestamp`} {
			rows, quality, err := h.Query(t.Context(), sources.Query{Text: query})
			if err != nil {
				continue
			}
			if lines := int64(bytes.Count(content, []byte("\n")) + 1); query == "FROM *" && int64(rows.Rows) > lines {
				t.Errorf("%d rows of %d lines", rows.Rows, lines)
			}
			if quality.Partial != (len(quality.Reasons) > 0) {
				t.Errorf("partial: %v, for %q", quality.Partial, quality.Reasons)
			}
		}
	})
}
