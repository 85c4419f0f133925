package detect

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

//go:embed rules
var embedded embed.FS

// BuiltinFS holds the rules that come with the program, and their tests.
func BuiltinFS() fs.FS {
	sub, err := fs.Sub(embedded, "rules")
	if err != nil {
		panic(err) // the directory is part of the program
	}
	return sub
}

// Builtin gives the rules that come with the program, and whatever is wrong with them.
func Builtin() ([]*Rule, []Problem) { return LoadRules(BuiltinFS()) }

// maxRuleFile bounds a rule file.
const maxRuleFile = 64 << 20

// LoadRules loads rule files: Elastic's TOML and exported NDJSON. A name is a
// file or a directory; without names it loads all of fsys. A rule that cannot
// be loaded is a problem; the others still load.
func LoadRules(fsys fs.FS, names ...string) ([]*Rule, []Problem) {
	files, problems := ruleFiles(fsys, names, ".toml", ".ndjson")
	var rules []*Rule
	seen := make(map[string]string)
	for _, file := range files {
		loaded, wrong := loadFile(fsys, file)
		problems = append(problems, wrong...)
		for _, r := range loaded {
			if other, twice := seen[r.ID]; twice {
				problems = append(problems, Problem{File: file, Text: fmt.Sprintf("rule_id %s is also that of %s: this one is left out", r.ID, other)})
				continue
			}
			seen[r.ID] = file
			rules = append(rules, r)
		}
	}
	return rules, problems
}

// ruleFiles gives the files that the names stand for, by suffix, in order.
func ruleFiles(fsys fs.FS, names []string, suffixes ...string) (files []string, problems []Problem) {
	if len(names) == 0 {
		names = []string{"."}
	}
	for _, name := range names {
		named := true
		err := fs.WalkDir(fsys, name, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				problems = append(problems, Problem{File: p, Text: err.Error()})
				return nil
			}
			if d.IsDir() {
				named = false
				return nil
			}
			if named || slices.Contains(suffixes, path.Ext(p)) {
				files = append(files, p)
			}
			return nil
		})
		if err != nil {
			problems = append(problems, Problem{File: name, Text: err.Error()})
		}
	}
	return files, problems
}

func loadFile(fsys fs.FS, file string) ([]*Rule, []Problem) {
	info, err := fs.Stat(fsys, file)
	if err == nil && info.Size() > maxRuleFile {
		err = fmt.Errorf("%d bytes are more than a rule file may have", info.Size())
	}
	if err != nil {
		return nil, []Problem{{File: file, Text: err.Error()}}
	}
	text, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, []Problem{{File: file, Text: err.Error()}}
	}
	if path.Ext(file) == ".ndjson" || path.Ext(file) == ".json" {
		return loadJSON(file, text)
	}
	return loadTOML(fsys, file, text)
}

func loadTOML(fsys fs.FS, file string, text []byte) ([]*Rule, []Problem) {
	var d document
	b := &builder{file: file, text: string(text)}
	err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&d)
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		for i := range unknown.Errors {
			b.unknown(&unknown.Errors[i])
		}
		err = nil
	}
	if err != nil {
		return nil, []Problem{decodeProblem(file, err)}
	}
	if d.Rule == nil {
		return nil, append(b.problems, Problem{File: file, Text: "has no [rule] table"})
	}
	r := b.rule(d.Rule)
	r.Why = d.Metadata.Interdict.Why
	b.guide(r, fsys)
	b.listed(r)
	if b.failed() {
		return nil, b.problems
	}
	return []*Rule{r}, b.problems
}

// GuideFile is the file beside a rule's that holds its own guide.
func GuideFile(rule string) string { return strings.TrimSuffix(rule, path.Ext(rule)) + ".guide.yaml" }

// guide takes the guide beside the rule, if there is one. What is in it, package playbooks reads.
func (b *builder) guide(r *Rule, fsys fs.FS) {
	name := GuideFile(b.file)
	info, err := fs.Stat(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil && info.Size() > maxGuide {
		err = fmt.Errorf("%d bytes are more than a guide may have", info.Size())
	}
	var text []byte
	if err == nil {
		text, err = fs.ReadFile(fsys, name)
	}
	if err != nil {
		b.problems = append(b.problems, Problem{File: name, Text: err.Error(), Warning: true})
		return
	}
	r.Guide = string(text)
}

const maxGuide = 1 << 20

func decodeProblem(file string, err error) Problem {
	p := Problem{File: file, Text: strings.TrimPrefix(err.Error(), "toml: ")}
	var d *toml.DecodeError
	if errors.As(err, &d) {
		p.Line, p.Column = d.Position()
	}
	return p
}

// unknown notes a key that nothing here reads, once for all that is below it.
func (b *builder) unknown(e *toml.DecodeError) {
	key := e.Key()
	if key[0] == "transform" || key[0] == "metadata" && !(len(key) > 1 && key[1] == "interdict") {
		return // of the rule's own repository, or drawn by Kibana
	}
	p := Problem{File: b.file, Warning: true}
	p.Line, p.Column = e.Position()
	name := strings.Join(key, ".")
	if why, ok := matters[key[min(1, len(key)-1)]]; ok && len(key) > 1 {
		name = strings.Join(key[:2], ".")
		p.Text = name + " is not used: " + why
	} else {
		p.Text = name + " is not used" + nearest(key[len(key)-1])
	}
	if !slices.ContainsFunc(b.problems, func(q Problem) bool { return q.Text == p.Text }) {
		b.problems = append(b.problems, p)
	}
}

// listed leaves of the warnings of a rule that is not run only the one that says so.
func (b *builder) listed(r *Rule) {
	if r.Unsupported != "" && !b.failed() {
		b.problems = b.problems[len(b.problems)-1:]
	}
}
