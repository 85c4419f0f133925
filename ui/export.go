package ui

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"interdict/sources"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
	"interdict/ui/text"
)

// Formats write the answer to a query. table is for people: untrusted text in
// it is made harmless. The others hold the values as they are.
var Formats = map[string]func(io.Writer, *frame.Frame, sources.Quality) error{
	"table": writeTable, "csv": writeCSV, "ndjson": writeNDJSON, "json": writeJSON,
}

// Pointed gives the line of a query that an error is about, and a mark for
// below it; false when the error is about no place.
func Pointed(query string, err error) (line, mark string, ok bool) {
	var problem *parse.Error
	if !errors.As(err, &problem) || len(problem.Problems) == 0 {
		return "", "", false
	}
	at := problem.Problems[0]
	lines := strings.Split(query, "\n")
	if at.Line < 1 || at.Line > len(lines) || at.Column < 1 {
		return "", "", false
	}
	runes := []rune(lines[at.Line-1])
	column := min(at.Column-1, len(runes))
	before, after := string(runes[:column]), string(runes[column:])
	if len(runes) > longLine { // what stands around the place
		if column > longLine/2 {
			before = "…" + string(runes[column-longLine/2:column])
		}
		if len(runes)-column > longLine/2 {
			after = string(runes[column:column+longLine/2]) + "…"
		}
	}
	before = text.Clean(before)
	return before + text.Clean(after), strings.Repeat(" ", text.Width(before)) + "^", true
}

// longLine is how many characters of a query's line are shown whole.
const longLine = 200

// cellWidth bounds a column of the table: what is longer says so with an ellipsis.
const cellWidth = 80

func writeTable(w io.Writer, f *frame.Frame, _ sources.Quality) error {
	widths := make([]int, len(f.Names))
	cells := make([][]string, f.Rows+1)
	for r := range cells {
		cells[r] = make([]string, len(f.Names))
		for i, name := range f.Names {
			value := name
			if r > 0 {
				value = strings.Join(f.Columns[i].Texts(r-1), ", ")
			}
			cells[r][i] = text.Clean(value)
			widths[i] = min(max(widths[i], text.Width(cells[r][i])), cellWidth)
		}
	}
	for _, row := range cells {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(text.Fit(cell, widths[i]))
			line.WriteString("  ")
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

func writeCSV(w io.Writer, f *frame.Frame, _ sources.Quality) error {
	out := csv.NewWriter(w)
	if err := out.Write(f.Names); err != nil {
		return err
	}
	row := make([]string, len(f.Names))
	for r := range f.Rows {
		for i, c := range f.Columns {
			row[i] = strings.Join(c.Texts(r), ",")
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func writeNDJSON(w io.Writer, f *frame.Frame, _ sources.Quality) error {
	var line []byte
	for r := range f.Rows {
		line = append(line[:0], '{')
		for i, c := range f.Columns {
			value := c.Value(r)
			if value == nil {
				continue
			}
			if len(line) > 1 {
				line = append(line, ',')
			}
			name, err := json.Marshal(f.Names[i])
			if err != nil {
				return err
			}
			cell, err := json.Marshal(finite(value))
			if err != nil {
				return err
			}
			line = append(append(append(line, name...), ':'), cell...)
		}
		if _, err := w.Write(append(line, '}', '\n')); err != nil {
			return err
		}
	}
	return nil
}

// finite writes what JSON has no number for as Elasticsearch does: as text.
func finite(v any) any {
	switch x := v.(type) {
	case float64:
		switch {
		case math.IsNaN(x):
			return "NaN"
		case math.IsInf(x, 1):
			return "Infinity"
		case math.IsInf(x, -1):
			return "-Infinity"
		}
	case []any:
		for i := range x {
			x[i] = finite(x[i])
		}
	}
	return v
}

func writeJSON(w io.Writer, f *frame.Frame, q sources.Quality) error {
	type column struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
	answer := struct {
		Took     int64    `json:"took"` // ms
		Partial  bool     `json:"is_partial"`
		Columns  []column `json:"columns"`
		Values   [][]any  `json:"values"`
		Warnings []string `json:"warnings"`
	}{Took: q.Took.Milliseconds(), Partial: q.Partial, Columns: []column{}, Values: make([][]any, f.Rows),
		Warnings: append(append([]string{}, q.Warnings...), q.Reasons...)}
	for i, c := range f.Columns {
		answer.Columns = append(answer.Columns, column{f.Names[i], c.Type.String()})
	}
	for r := range f.Rows {
		row := make([]any, len(f.Columns))
		for i, c := range f.Columns {
			row[i] = finite(c.Value(r))
		}
		answer.Values[r] = row
	}
	return json.NewEncoder(w).Encode(answer)
}

// WriteNew makes a file that was not there, for its owner alone, or leaves none:
// it has its name only when it is whole, also when the program is killed.
func WriteNew(name string, put func(io.Writer) error) error {
	if _, err := os.Lstat(name); err == nil {
		return &fs.PathError{Op: "write", Path: name, Err: syscall.EEXIST}
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".interdict-*.partial")
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		return &fs.PathError{Op: "write in", Path: filepath.Dir(name), Err: failed.Err} // nobody asked for the other name
	}
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // it has another name by then, or is not whole
	if err = put(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), name); err == nil || errors.Is(err, fs.ErrExist) { // unlike rename it replaces nothing
		return err
	}
	return os.Rename(f.Name(), name) // a file system without hard links
}
