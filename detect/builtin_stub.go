//go:build !esqlready

package detect

import "io/fs"

// Builtin gives the rules that come with the program, and whatever is wrong with them.
func Builtin() ([]*Rule, []Problem) { return nil, nil }

// LoadRules loads rule files: Elastic's TOML and exported NDJSON. Without names
// it loads all of fsys. A file that cannot be loaded is a problem; the others still load.
func LoadRules(fsys fs.FS, names ...string) ([]*Rule, []Problem) { return nil, nil }

// TestResult is one text test of a rule file.
type TestResult struct {
	File string // of the test
	Line int
	Name string
	Rule string
	OK   bool
	Diff string // what came instead
	Took int64  // nanoseconds
}

// TestRules runs the text tests beside the named rule files, or all of fsys.
func TestRules(fsys fs.FS, names ...string) []TestResult { return nil }
