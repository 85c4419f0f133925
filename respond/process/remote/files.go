package remote

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const maxText = 64 << 20 // of a table, unpacked

// spelling is a way to write "/" that is chosen at random.
func spelling() string {
	b := make([]byte, 6)
	rand.Read(b)
	var s strings.Builder
	for i := range len(b) * 8 {
		s.WriteByte('/')
		if b[i/8]>>(i%8)&1 == 1 {
			s.WriteByte('.')
		}
	}
	return s.String()
}

// files are the contents that one script printed, by path below /proc: "1/stat".
// A path that was printed twice is not in it.
type files map[string][]byte

// errUnfinished: the script, or its output, was cut off.
var errUnfinished = errors.New("the output does not end as it should")

// parseFiles takes the output apart. n is how "/" was spelt.
func parseFiles(out []byte, n string) (files, error) {
	text, err := unpack(out)
	if err != nil {
		return nil, err
	}
	begin, all, twice := []byte("==> /proc"+n+"/"), files{}, map[string]bool{}
	for at := bytes.Index(text, begin); at >= 0; {
		text = text[at+len(begin):]
		name, rest, ok := bytes.Cut(text, []byte(" <==\n"))
		if !ok {
			break
		}
		content := rest
		if at = bytes.Index(rest, begin); at >= 0 {
			content = rest[:at]
		}
		text = rest
		key := strings.TrimPrefix(string(name), "./")
		if strings.HasPrefix(string(name), "./") {
			key = "again/" + key
		}
		content = bytes.TrimSuffix(content, []byte("\n"))
		if have, ok := all[key]; ok && key == "0/links" { // one section for each process
			content = append(append(have, '\n'), content...)
		} else if ok {
			twice[key] = true
		}
		all[key] = bytes.Clone(content)
	}
	for key := range twice {
		delete(all, key)
	}
	if _, ok := all["0/end"]; !ok {
		return all, errUnfinished
	}
	return all, nil
}

// unpack bounds what a small output may become.
func unpack(out []byte) ([]byte, error) {
	if !bytes.HasPrefix(out, []byte{0x1f, 0x8b}) {
		return out, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(out))
	if err != nil {
		return nil, fmt.Errorf("packed output: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(z, maxText))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("packed output: %w", err)
	}
	return text, nil
}

// links gives where links lead, by path: "1/exe". A target may hold line ends;
// one that was listed twice is not in it.
func (f files) links(n string) map[string]string {
	all, twice, mark := map[string]string{}, map[string]bool{}, " /proc"+n+"/"
	last := ""
	for l := range strings.Lines(string(f["0/links"])) {
		l = strings.TrimSuffix(l, "\n")
		at := strings.Index(l, mark)
		if at < 0 {
			if last != "" {
				all[last] += "\n" + l
			}
			continue
		}
		name, to, ok := strings.Cut(l[at+len(mark):], " -> ")
		if last = ""; !ok {
			continue
		}
		if _, have := all[name]; have {
			twice[name] = true
		}
		last = name
		all[name] = to
	}
	for name := range twice {
		delete(all, name)
	}
	return all
}

// marked gives the processes whose path follows a word in a section.
func (f files) marked(section, word, n string) map[int]bool {
	all := map[int]bool{}
	for l := range strings.Lines(string(f["0/"+section])) {
		rest, ok := strings.CutPrefix(l, word+" /proc"+n+"/")
		number, _, _ := strings.Cut(rest, "/")
		if pid, err := strconv.Atoi(number); ok && err == nil {
			all[pid] = true
		}
	}
	return all
}
