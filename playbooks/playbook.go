package playbooks

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"interdict/sources/esql/parse"
)

//go:embed books/*.yaml
var books embed.FS

// Playbook is steps in an order, as somebody wrote them down.
type Playbook struct {
	ID, Name, About string
	// Automatic: it may begin without a person on hosts whose inventory entry says
	// so. Its freezes and blocks then run as far as the entry allows; everything
	// else waits for a person.
	Automatic bool
	Stages    []Stage
	Source    string // the text that it was read from, whole
	File      string
	includes  []line
	idAt      int // line of the id
}

// Steps is how many steps it has.
func (b *Playbook) Steps() (n int) {
	for _, stage := range b.Stages {
		n += len(stage)
	}
	return n
}

// Stage is one step, or several that run side by side.
type Stage []BookStep

// BookStep is one step of a playbook.
type BookStep struct {
	ID      string
	Do      string // one of Doings
	When    Condition
	Ask     bool          // a person approves its plan when it is due; else it was approved with the start
	Timeout time.Duration // of the step, without the time that a person takes
	OnFail  string        // OnStop, OnContinue or OnUndo
	Text    string        // of a manual step and of a notification
	Of      []string      // the steps that a verification looks at; none: all changes before it
	For     time.Duration // how long a watch or a block lasts
	Line    int
}

// What a failed step means for the rest.
const (
	OnStop     = "stop"
	OnContinue = "continue"
	OnUndo     = "undo" // take back what the run changed, newest first, and stop
)

// doing is one kind of step.
type doing struct {
	changes bool // it changes a host
	ask     bool // a person approves it unless the playbook says otherwise
	late    bool // it may never run with the start's approval alone
	limit   time.Duration
}

// doings are all kinds of steps.
var doings = map[string]doing{
	"freeze":      {changes: true, limit: 30 * time.Second},
	"block":       {changes: true, limit: time.Minute},
	"capture":     {limit: 20 * time.Second},
	"collect":     {limit: 15 * time.Minute},
	"isolate":     {changes: true, ask: true, limit: 5 * time.Minute},
	"kill":        {changes: true, ask: true, late: true, limit: 30 * time.Second},
	"verify":      {limit: time.Minute},
	"sweep":       {limit: time.Minute},
	"watch":       {limit: 30 * time.Second},
	"notify":      {limit: time.Minute},
	"tell-owner":  {limit: time.Minute},
	"manual":      {ask: true},
	"credentials": {ask: true},
	"hand-over":   {ask: true},
}

const includes = "playbook" // a step that stands for the steps of another playbook

// bookFile is a playbook's file as YAML has it.
type bookFile struct {
	Version   int        `yaml:"version"`
	ID        line       `yaml:"id"`
	Name      line       `yaml:"name"`
	About     string     `yaml:"about"`
	Automatic bool       `yaml:"automatic"`
	Steps     []bookStep `yaml:"steps"`
}

type bookStep struct {
	ID       line       `yaml:"id"`
	Do       line       `yaml:"do"`
	Playbook line       `yaml:"playbook"`
	Parallel []bookStep `yaml:"parallel"`
	When     line       `yaml:"when"`
	Approve  line       `yaml:"approve"`
	Timeout  line       `yaml:"timeout"`
	OnFail   line       `yaml:"on_failure"`
	Text     line       `yaml:"text"`
	Of       []line     `yaml:"of"`
	For      line       `yaml:"for"`
	at       int
}

func (s *bookStep) UnmarshalYAML(n *yaml.Node) error {
	type plain bookStep
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if key := n.Content[i]; !slices.Contains(stepKeys, key.Value) {
				return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: a step has no %q%s", key.Line, key.Value, meant(key.Value, stepKeys))}}
			}
		}
	}
	err := n.Decode((*plain)(s))
	s.at = n.Line
	return err
}

var (
	stepKeys = []string{"id", "do", "playbook", "parallel", "when", "approve", "timeout", "on_failure", "text", "of", "for"}
	bookKeys = []string{"version", "id", "name", "about", "automatic", "steps"}
)

// meant is what a word was perhaps meant to be, or all that there are.
func meant(word string, among []string) string {
	if near := parse.Nearest(word, among); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return "; there are " + strings.Join(among, ", ")
}

// BuiltinPlaybooks are those that come with the program.
func BuiltinPlaybooks() ([]*Playbook, error) { return LoadPlaybooks(books, nil) }

// LoadPlaybooks reads all *.yaml of a file system, beside those that are known
// already. A file that is wrong is an error that names file and line; the others
// are loaded all the same.
func LoadPlaybooks(fsys fs.FS, known []*Playbook) ([]*Playbook, error) {
	var names []string
	var errs []error
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(name) == ".yaml" {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return known, err
	}
	texts := map[string][]byte{}
	for _, name := range names {
		text, err := readBounded(fsys, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		texts[name] = text
	}
	all, err := AddPlaybooks(known, texts)
	return all, errors.Join(append(errs, err)...)
}

// AddPlaybooks reads playbooks by the names of their files, beside those that are known.
func AddPlaybooks(known []*Playbook, texts map[string][]byte) ([]*Playbook, error) {
	all := slices.Clone(known)
	var errs []error
	for _, name := range sortedNames(texts) {
		b, err := ParsePlaybook(name, texts[name])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if i := slices.IndexFunc(all, func(o *Playbook) bool { return o.ID == b.ID }); i >= 0 {
			errs = append(errs, fmt.Errorf("%s: line %d: the id %q is that of %s already", name, b.idAt, b.ID, all[i].File))
			continue
		}
		all = append(all, b)
	}
	all, err := includeAll(all)
	return all, errors.Join(append(errs, err)...)
}

const maxBook = 256 << 10

func readBounded(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBook+1))
	if err == nil && len(text) > maxBook {
		err = fmt.Errorf("%s: longer than %d KiB", name, maxBook>>10)
	}
	return text, err
}

// ParsePlaybook reads one playbook. Other playbooks that it names are put in by LoadPlaybooks.
func ParsePlaybook(file string, text []byte) (*Playbook, error) {
	var top yaml.Node
	if err := yaml.Unmarshal(text, &top); err != nil {
		return nil, yamlError(file, err)
	}
	if at := anchored(&top); at > 0 {
		return nil, fmt.Errorf("%s: line %d: anchors and aliases are not used in playbooks: write it out", file, at)
	}
	if len(top.Content) == 1 && top.Content[0].Kind == yaml.MappingNode {
		for i := 0; i+1 < len(top.Content[0].Content); i += 2 {
			if key := top.Content[0].Content[i]; !slices.Contains(bookKeys, key.Value) {
				return nil, fmt.Errorf("%s: line %d: a playbook has no %q%s", file, key.Line, key.Value, meant(key.Value, bookKeys))
			}
		}
	}
	var w bookFile
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&w); err != nil {
		return nil, yamlError(file, err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one document", file)
	}
	return w.playbook(file, string(text))
}

// anchored is the line of the first anchor or alias; 0: there is none. They can
// make a small text endless.
func anchored(n *yaml.Node) int {
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		return n.Line
	}
	for _, inner := range n.Content {
		if at := anchored(inner); at > 0 {
			return at
		}
	}
	return 0
}

func (w *bookFile) playbook(file, text string) (*Playbook, error) {
	b := &Playbook{ID: w.ID.text, Name: w.Name.text, About: strings.TrimSpace(w.About), Automatic: w.Automatic, Source: text, File: file, idAt: max(w.ID.at, 1)}
	p := &problems{file: file}
	if w.Version != 1 {
		p.add(1, "version is %d, this program reads 1", w.Version)
	}
	if !wordOf(b.ID) || b.Name == "" || len(w.Steps) == 0 {
		p.add(max(w.ID.at, 1), "a playbook needs an id of small letters, digits and dashes, a name, and steps")
	}
	r := &bookReader{problems: p, book: b, ids: map[string]int{}}
	for _, s := range w.Steps {
		r.stage(s)
	}
	return b, errors.Join(p.found...)
}

func wordOf(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && s[0] != '-'
}

// bookReader checks steps in their order: a condition may ask only of earlier ones.
type bookReader struct {
	*problems
	book *Playbook
	ids  map[string]int // line, of those of earlier stages
}

func (r *bookReader) stage(s bookStep) {
	switch {
	case len(s.Parallel) > 0:
		if s.Do.text != "" || s.Playbook.text != "" || s.When.text != "" {
			r.add(s.at, "what runs side by side has no do, playbook or when of its own: each of its steps has")
		}
		var stage Stage
		for _, one := range s.Parallel {
			if len(one.Parallel) > 0 || one.Playbook.text != "" {
				r.add(one.at, "side by side run steps alone, neither playbooks nor more of the same")
				continue
			}
			stage = append(stage, r.step(one))
		}
		r.done(stage)
	case s.Playbook.text != "":
		if s.Do.text != "" {
			r.add(s.at, "a step either does something or stands for a playbook")
		}
		when := r.condition(s.When)
		r.book.includes = append(r.book.includes, s.Playbook)
		r.book.Stages = append(r.book.Stages, Stage{{ID: s.Playbook.text, Do: includes, When: when, Line: s.Playbook.at}})
	default:
		r.done(Stage{r.step(s)})
	}
}

func (r *bookReader) done(stage Stage) {
	for _, s := range stage {
		if before := r.ids[s.ID]; before > 0 {
			r.add(s.Line, "the step %q is in line %d already", s.ID, before)
		}
		r.ids[s.ID] = s.Line
	}
	r.book.Stages = append(r.book.Stages, stage)
}

func (r *bookReader) step(s bookStep) BookStep {
	out := BookStep{ID: s.ID.text, Do: s.Do.text, Text: strings.TrimSpace(s.Text.text), OnFail: OnStop, Line: s.at}
	kind, known := doings[out.Do]
	if !known {
		r.add(max(s.Do.at, s.at), "a step cannot do %q%s", out.Do, meant(out.Do, sortedNames(doings)))
	}
	if !wordOf(out.ID) {
		r.add(max(s.ID.at, s.at), "a step needs an id of small letters, digits and dashes")
	}
	out.When = r.condition(s.When)
	out.Ask = kind.ask
	switch s.Approve.text {
	case "":
	case "step":
		out.Ask = true
	case "start":
		if out.Ask = false; kind.late || kind.limit == 0 {
			r.add(s.Approve.at, "%s is never done with the start's approval alone: leave out approve", out.Do)
		}
	default:
		r.add(s.Approve.at, "approve is start or step, not %q", s.Approve.text)
	}
	out.Timeout = r.duration(s.Timeout, "timeout", kind.limit, time.Hour)
	out.For = r.duration(s.For, "for", 7*24*time.Hour, 90*24*time.Hour)
	if s.For.text != "" && out.Do != "watch" && out.Do != "block" {
		r.add(s.For.at, "only a watch and a block last for a time")
	}
	if out.Do == "block" && s.For.text == "" {
		out.For = 0 // the action's own
	}
	switch s.OnFail.text {
	case "":
	case OnStop, OnContinue, OnUndo:
		out.OnFail = s.OnFail.text
	default:
		r.add(s.OnFail.at, "on_failure is stop, continue or undo, not %q%s", s.OnFail.text, meant(s.OnFail.text, []string{OnStop, OnContinue, OnUndo}))
	}
	if (out.Do == "manual" || out.Do == "notify" || out.Do == "tell-owner") && out.Text == "" {
		r.add(s.at, "a step that does %s needs a text", out.Do)
	}
	if out.Do == "notify" || out.Do == "tell-owner" {
		if _, err := expand(out.Text, Message{}); err != nil {
			r.add(max(s.Text.at, s.at), "%v; it can name %s", err, strings.Join(messageNames(), ", "))
		}
	}
	for _, of := range s.Of {
		if r.ids[of.text] == 0 || out.Do != "verify" {
			r.add(of.at, "no step before this one is called %q%s", of.text, meant(of.text, sortedNames(r.ids)))
		}
		out.Of = append(out.Of, of.text)
	}
	return out
}

func (r *bookReader) duration(l line, name string, otherwise, most time.Duration) time.Duration {
	if l.text == "" {
		return otherwise
	}
	text := l.text
	d, err := time.ParseDuration(text)
	var days int
	if n, _ := fmt.Sscanf(text, "%dd", &days); n == 1 && text == fmt.Sprintf("%dd", days) {
		d, err = time.Duration(days)*24*time.Hour, nil
	}
	if err != nil || d <= 0 || d > most {
		r.add(l.at, "%s is a time such as 30s, 5m or 7d, %s at most, not %q", name, span(most), text)
		return otherwise
	}
	return d
}

func (r *bookReader) condition(l line) Condition {
	c, err := ParseCondition(l.text, r.ids)
	if err != nil {
		r.add(l.at, "when: %v", err)
	}
	return c
}

// includeAll puts the steps of other playbooks in the place of the steps that name them.
func includeAll(all []*Playbook) ([]*Playbook, error) {
	var errs []error
	byID := map[string]*Playbook{}
	for _, b := range all {
		byID[b.ID] = b
	}
	whole := map[string]*Playbook{}
	var out []*Playbook
	for _, b := range all {
		full, err := b.include(byID, whole, nil)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, full)
	}
	return out, errors.Join(errs...)
}

func (b *Playbook) include(byID, whole map[string]*Playbook, under []string) (*Playbook, error) {
	if full := whole[b.ID]; full != nil {
		return full, nil
	}
	under = append(slices.Clone(under), b.ID)
	full := *b
	full.Stages = nil
	for _, stage := range b.Stages {
		if stage[0].Do != includes {
			full.Stages = append(full.Stages, stage)
			continue
		}
		name, at := stage[0].ID, stage[0].Line
		other := byID[name]
		if other == nil {
			return nil, fmt.Errorf("%s: line %d: there is no playbook %q%s", b.File, at, name, meant(name, sortedNames(byID)))
		}
		if slices.Contains(under, name) {
			return nil, fmt.Errorf("%s: line %d: a cycle: %s → %s", b.File, at, strings.Join(under, " → "), name)
		}
		inner, err := other.include(byID, whole, under)
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", b.File, at, err)
		}
		for _, s := range inner.Stages {
			full.Stages = append(full.Stages, s.within(name, stage[0].When))
		}
	}
	seen := map[string]bool{}
	for _, stage := range full.Stages {
		for _, s := range stage {
			if seen[s.ID] {
				return nil, fmt.Errorf("%s: line %d: the step %q comes twice", b.File, s.Line, s.ID)
			}
			seen[s.ID] = true
		}
	}
	whole[b.ID] = &full
	return &full, nil
}

// within is a stage of an included playbook: its steps are named after it, and all wait for its condition.
func (s Stage) within(name string, when Condition) Stage {
	out := slices.Clone(s)
	for i := range out {
		out[i].ID = name + "/" + out[i].ID
		out[i].When = when.and(out[i].When.within(name))
		out[i].Of = slices.Clone(out[i].Of)
		for n := range out[i].Of {
			out[i].Of[n] = name + "/" + out[i].Of[n]
		}
	}
	return out
}

// Step finds a step by its id.
func (b *Playbook) Step(id string) (BookStep, bool) {
	for _, stage := range b.Stages {
		for _, s := range stage {
			if s.ID == id {
				return s, true
			}
		}
	}
	return BookStep{}, false
}
