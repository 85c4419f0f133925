package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"interdict/sources/ecs"
)

// Kind is how a file holds rows.
type Kind string

// The kinds of files.
const (
	NDJSON  Kind = "ndjson"
	CSV     Kind = "csv"
	Parquet Kind = "parquet"
)

// endings are those of files that a directory is searched for.
var endings = map[string]Kind{
	".ndjson": NDJSON, ".jsonl": NDJSON, ".json": NDJSON, ".csv": CSV, ".tsv": CSV, ".parquet": Parquet,
}

// found is a file to read.
type found struct {
	path string // "-" is standard input
	name string // without directory and endings: its index
	kind Kind
	tabs bool // CSV separated by tabs
}

// find expands names, directories (all below) and globs, sorted, each file once.
// A name that leads to nothing is an error.
func find(names []string) ([]found, error) {
	var out []found
	var problems []error
	for _, name := range names {
		files, err := expand(name)
		if err != nil {
			problems = append(problems, err)
		}
		for _, f := range files {
			if !slices.ContainsFunc(out, func(o found) bool { return o.path == f.path }) {
				out = append(out, f)
			}
		}
	}
	return out, errors.Join(problems...)
}

func expand(name string) ([]found, error) {
	if name == "-" {
		return []found{{path: "-", name: "stdin"}}, nil
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return below(name)
	case err == nil:
		return []found{describe(name)}, nil
	}
	matches, bad := filepath.Glob(name)
	if bad != nil || len(matches) == 0 {
		return nil, err
	}
	return expandAll(matches)
}

func expandAll(paths []string) (out []found, err error) {
	for _, p := range paths {
		files, bad := expand(p)
		out, err = append(out, files...), errors.Join(err, bad)
	}
	return out, err
}

func below(dir string) (out []found, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if f := describe(path); d.Type().IsRegular() && f.kind != "" {
			out = append(out, f)
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%s: no NDJSON, CSV or Parquet file in it", dir)
	}
	return out, err
}

// describe tells kind and name by the endings; kind is "" when they say nothing.
func describe(path string) found {
	f := found{path: path}
	stem := filepath.Base(path)
	for {
		ending := filepath.Ext(stem)
		kind, known := endings[strings.ToLower(ending)]
		if known {
			f.kind, f.tabs = kind, strings.EqualFold(ending, ".tsv")
		}
		packed := ending == ".gz" || ending == ".zst" || ending == ".zstd"
		if !known && !packed || stem == ending {
			f.name = stem
			return f
		}
		stem = strings.TrimSuffix(stem, ending)
		if known {
			f.name = stem
			return f
		}
	}
}

// sniff tells the kind from a file's first bytes, uncompressed.
func sniff(head []byte) Kind {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("PAR1")):
		return Parquet
	case len(text) == 0 || text[0] == '{' || text[0] == '[':
		return NDJSON
	}
	return CSV
}

// sniffFile opens a file only to see what it is; packed tells whether it is compressed.
func sniffFile(path string) (kind Kind, packed bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", false, err
	}
	defer f.Close()
	raw := make([]byte, 4)
	n, err := io.ReadFull(f, raw)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", false, err
	}
	packed = bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) || bytes.Equal(raw, []byte{0x28, 0xb5, 0x2f, 0xfd})
	plain, err := ecs.Plain(io.MultiReader(bytes.NewReader(raw[:n]), f))
	if err != nil {
		return "", packed, err
	}
	defer plain.Close()
	head := make([]byte, 4096)
	n, _ = io.ReadFull(plain, head) // a short or broken file shows itself when it is read
	return sniff(head[:n]), packed, nil
}
