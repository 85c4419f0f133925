package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// arrows says which packages of ours a package may import. A name stands for
// the package and for everything below it, the longest name that fits decides.
// Reasons of the dearest are in .golangci.yml.
var arrows = map[string][]string{
	"bench":                   {},
	"sources/frame":           {},
	"sources":                 {"sources/frame"},
	"sources/ecs":             {"sources", "sources/frame"},
	"sources/esql":            {"sources", "sources/frame", "sources/esql"},
	"sources/rowgroup":        {"sources/ecs", "sources/frame", "sources/esql/funcs"},
	"sources/archive":         {"sources", "sources/ecs", "sources/frame", "sources/esql", "sources/rowgroup"},
	"sources/files":           {"sources", "sources/ecs", "sources/frame", "sources/esql", "sources/rowgroup"},
	"sources/elasticsearch":   {"sources", "sources/ecs", "sources/frame", "sources/esql/parse"},
	"sources/ebpf":            {"sources", "sources/ecs", "sources/frame"},
	"sources/replay":          {"sources", "sources/ecs", "sources/frame"},
	"sources/sourcetest":      {"sources", "sources/ecs", "sources/frame", "sources/esql"},
	"detect":                  {"sources", "sources/ecs", "sources/frame", "sources/esql"},
	"respond":                 {},
	"respond/process":         {"respond"},
	"respond/isolate":         {"respond"},
	"respond/evidence":        {"respond"},
	"respond/reach":           {"respond"},
	"respond/local":           {"respond", "respond/process"},
	"respond/ssh":             {"respond", "respond/process"},
	"playbooks":               {"detect", "sources", "sources/ecs", "sources/frame", "sources/esql", "respond", "respond/process", "respond/isolate", "respond/evidence", "respond/reach"},
	"playbooks/documentstest": {"playbooks"},
	"ui/text":                 {},
	"ui/early":                {},
	"ui/report":               {"ui/text", "playbooks", "detect", "respond"},
	"ui/grid":                 {"ui/text"},
	"ui":                      {"ui/text", "ui/grid", "ui/report", "playbooks", "detect", "sources", "sources/ecs", "sources/frame", "sources/esql", "respond", "respond/process", "respond/isolate", "respond/evidence", "respond/reach"},
	"ui/cli":                  {"ui", "ui/text", "ui/grid", "ui/report", "playbooks", "detect", "sources", "sources/ecs", "sources/frame", "sources/esql", "respond", "respond/process", "respond/isolate", "respond/evidence", "respond/reach"},
}

// exact packages are not allowed with what lies below them.
var exact = map[string]bool{"sources": true, "respond": true, "detect": true, "ui": true, "playbooks": true}

func TestPackagesImportOnlyWhatTheArrowsAllow(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != ".") {
			return fs.SkipDir
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || dir == "." {
			return nil
		}
		seen++
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			inner, ours := strings.CutPrefix(imported, "interdict/")
			if ours && !allowed(dir, inner) {
				t.Errorf("%s imports %s: no arrow of docs/architecture.md allows it", path, imported)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Fatalf("only %d files were looked at", seen)
	}
}

func allowed(from, to string) bool {
	rule := ruleFor(from)
	if _, known := arrows[rule]; !known {
		return false
	}
	if rule == ruleFor(to) && !exact[rule] { // parts of one package family
		return true
	}
	for _, name := range arrows[rule] {
		if to == name || !exact[name] && strings.HasPrefix(to, name+"/") {
			return true
		}
	}
	return false
}

// ruleFor is the longest name in arrows that is dir or above it.
func ruleFor(dir string) string {
	for d := dir; d != "."; d = filepath.ToSlash(filepath.Dir(d)) {
		if _, ok := arrows[d]; ok {
			return d
		}
	}
	return dir
}
