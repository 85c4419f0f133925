package playbooks

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"interdict/detect"
	"interdict/sources"
	"interdict/sources/esql/parse"
)

//go:embed guide.yaml
var builtin []byte

// Sheet is a guide as it is written down: questions without answers.
type Sheet struct {
	Name         string
	Baseline     string
	Around       string
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
var BuiltinSheet = sync.OnceValues(func() (*Sheet, error) { return ParseSheet("guide.yaml", builtin) })

// ParseRuleSheet reads a rule's own guide. What it leaves out is the embedded
// guide's: the baseline, environments, and of a question with an id that is asked
// there the title, what it asks and the query.
func ParseRuleSheet(file string, data []byte) (*Sheet, error) {
	base, err := BuiltinSheet()
	if err != nil {
		return nil, err
	}
	return parseSheet(file, data, base)
}

// RuleSheets reads the guides that rules brought, by rule id. A rule whose guide
// cannot be read is left with the embedded one; the error says why.
func RuleSheets(rules []*detect.Rule) (map[string]*Sheet, error) {
	sheets := map[string]*Sheet{}
	var wrong []error
	for _, r := range rules {
		if r.Guide == "" {
			continue
		}
		s, err := ParseRuleSheet(detect.GuideFile(r.File), []byte(r.Guide))
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		sheets[r.ID] = s
	}
	return sheets, errors.Join(wrong...)
}

// ParseSheet reads a guide. Unknown keys, duplicates, and parameters that
// nothing fills are errors that name file and line; all of them are reported.
func ParseSheet(file string, data []byte) (*Sheet, error) { return parseSheet(file, data, &Sheet{}) }

func parseSheet(file string, data []byte, base *Sheet) (*Sheet, error) {
	var w written
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&w); err != nil {
		return nil, yamlError(file, err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one document", file)
	}
	w.inherit(base)
	return w.sheet(file)
}

// inherit takes from base what is left out.
func (w *written) inherit(base *Sheet) {
	take := func(to *line, text string, at int) {
		if to.text == "" && text != "" {
			*to = line{text, at}
		}
	}
	take(&w.Baseline, base.Baseline, 1)
	take(&w.Around, base.Around, 1)
	for i := range w.Questions {
		q := &w.Questions[i]
		if j := slices.IndexFunc(base.Questions, func(b Question) bool { return b.ID == q.ID.text }); j >= 0 {
			take(&q.Title, base.Questions[j].Title, q.ID.at)
			take(&q.Asks, base.Questions[j].Asks, q.ID.at)
			take(&q.Query, base.Questions[j].Query, q.ID.at)
		}
	}
	if w.Environments == nil {
		w.Environments = map[string]writtenAdvice{}
		for name, a := range base.Environments {
			w.Environments[name] = writtenAdvice{a.Implications, a.Actions}
		}
	}
}

// written is the file's shape.
type written struct {
	Version      int                      `yaml:"version"`
	Name         string                   `yaml:"name"`
	Baseline     line                     `yaml:"baseline"`
	Around       line                     `yaml:"around"`
	Questions    []writtenQuestion        `yaml:"questions"`
	Environments map[string]writtenAdvice `yaml:"environments"`
}

type writtenAdvice struct {
	Implications []string `yaml:"implications"`
	Actions      []string `yaml:"actions"`
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
	s := &Sheet{Name: w.Name, Baseline: w.Baseline.text, Around: w.Around.text, Environments: map[string]Advice{}}
	p := problems{file: file}
	if w.Version != 1 {
		p.add(1, "version is %d, this program reads 1", w.Version)
	}
	p.query(w.Baseline)
	p.query(w.Around)
	ids, numbers := map[string]int{}, map[int]int{}
	for _, q := range w.Questions {
		p.question(q, ids, numbers)
		s.Questions = append(s.Questions, Question{q.ID.text, q.Number, q.Title.text, q.Asks.text, q.Query.text, q.ID.at})
	}
	for name, e := range w.Environments {
		s.Environments[name] = Advice{Name: name, Implications: e.Implications, Actions: e.Actions}
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
	if q.text == "" {
		return
	}
	// The text of a block begins in the line after its key.
	begins := q.at
	if strings.Contains(q.text, "\n") {
		begins++
	}
	var sample []sources.Param // whatever the values are, the text parses or does not
	for _, use := range uses(q.text) {
		sample = append(sample, sources.Param{Name: use.name, Value: ""})
		if !slices.Contains(parameters, use.name) {
			p.add(begins+strings.Count(q.text[:use.from], "\n"), "nothing fills ?%s; there are ?%s", use.name, strings.Join(parameters, ", ?"))
		}
	}
	var wrong *parse.Error
	if _, err := parse.Parse(writeOut(q.text, sample)); errors.As(err, &wrong) {
		for _, w := range wrong.Problems {
			p.add(begins+max(w.Line, 1)-1, "the query: %s", w.Message)
		}
	} else if err != nil {
		p.add(begins, "the query: %s", err)
	}
}
