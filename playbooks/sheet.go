package playbooks

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed guide.yaml
var builtin []byte

// Sheet is a guide as it is written down: questions without answers.
type Sheet struct {
	Name         string
	Baseline     string
	Questions    []Question // by number
	Environments map[string]Advice
}

// Question is one question of a sheet.
type Question struct {
	ID     string
	Number int
	Title  string
	Asks   string
	Query  string // "" when nothing is to be queried
	Line   int
}

// BuiltinSheet is the embedded guide.
func BuiltinSheet() (*Sheet, error) { return ParseSheet("guide.yaml", builtin) }

// ParseSheet reads a guide. Unknown keys, duplicates, and parameters that
// nothing fills are errors that name file and line; all of them are reported.
func ParseSheet(file string, data []byte) (*Sheet, error) {
	var w written
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&w); err != nil {
		return nil, yamlError(file, err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one document", file)
	}
	return w.sheet(file)
}

// written is the file's shape.
type written struct {
	Version      int               `yaml:"version"`
	Name         string            `yaml:"name"`
	Baseline     line              `yaml:"baseline"`
	Questions    []writtenQuestion `yaml:"questions"`
	Environments map[string]struct {
		Implications []string `yaml:"implications"`
		Actions      []string `yaml:"actions"`
	} `yaml:"environments"`
}

type writtenQuestion struct {
	ID     line `yaml:"id"`
	Number int  `yaml:"number"`
	Title  line `yaml:"title"`
	Asks   line `yaml:"asks"`
	Query  line `yaml:"query"`
}

// line is text that knows where it stands.
type line struct {
	text string
	at   int
}

func (l *line) UnmarshalYAML(n *yaml.Node) error {
	l.at = n.Line
	return n.Decode(&l.text)
}

// yamlError puts the file before each line of the decoder's report.
func yamlError(file string, err error) error {
	var wrong *yaml.TypeError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("%s: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	var all []error
	for _, e := range wrong.Errors {
		all = append(all, fmt.Errorf("%s: %s", file, e))
	}
	return errors.Join(all...)
}

func (w *written) sheet(file string) (*Sheet, error) {
	s := &Sheet{Name: w.Name, Baseline: w.Baseline.text, Environments: map[string]Advice{}}
	p := problems{file: file}
	if w.Version != 1 {
		p.add(1, "version is %d, this program reads 1", w.Version)
	}
	p.query(w.Baseline)
	ids, numbers := map[string]int{}, map[int]int{}
	for _, q := range w.Questions {
		p.question(q, ids, numbers)
		s.Questions = append(s.Questions, Question{q.ID.text, q.Number, q.Title.text, q.Asks.text, q.Query.text, q.ID.at})
	}
	for name, e := range w.Environments {
		s.Environments[name] = Advice{name, e.Implications, e.Actions}
	}
	slices.SortFunc(s.Questions, func(a, b Question) int { return a.Number - b.Number })
	return s, errors.Join(p.found...)
}

type problems struct {
	file  string
	found []error
}

func (p *problems) add(at int, format string, args ...any) {
	p.found = append(p.found, fmt.Errorf("%s: line %d: %s", p.file, at, fmt.Sprintf(format, args...)))
}

func (p *problems) question(q writtenQuestion, ids map[string]int, numbers map[int]int) {
	at := max(q.ID.at, q.Title.at, 1)
	if q.ID.text == "" || q.Title.text == "" || q.Number < 1 {
		p.add(at, "a question needs id, number (from 1) and title")
	}
	if before := ids[q.ID.text]; before > 0 {
		p.add(at, "question %q was asked in line %d already", q.ID.text, before)
	}
	if before := numbers[q.Number]; before > 0 {
		p.add(at, "number %d was given in line %d already", q.Number, before)
	}
	ids[q.ID.text], numbers[q.Number] = at, at
	p.query(q.Query)
}

func (p *problems) query(q line) {
	for _, use := range uses(q.text) {
		if slices.Contains(parameters, use.name) {
			continue
		}
		// The text of a block begins in the line after its key.
		at := q.at + strings.Count(q.text[:use.from], "\n")
		if strings.Contains(q.text, "\n") {
			at++
		}
		p.add(at, "nothing fills ?%s; there are ?%s", use.name, strings.Join(parameters, ", ?"))
	}
}
