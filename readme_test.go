package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"interdict/ui"
)

var update = flag.Bool("update", false, "write the README's key table")

// tabled are the modes whose keys the README lists; a plan's own are shown with it.
var tabled = []string{"everywhere", "alerts", "guide", "events", "cases", "case", "query", "exceptions", "journal", "standing"}

func TestReadmeListsTheKeys(t *testing.T) {
	var table strings.Builder
	table.WriteString("<!-- keys -->\n| | key | does |\n|---|---|---|\n")
	for _, mode := range tabled {
		where := mode
		for _, b := range ui.Keys(false) {
			if b.Mode == mode {
				fmt.Fprintf(&table, "| %s | `%s` | %s |\n", where, strings.Join(strings.Split(b.Label(), ", "), "` `"), b.Help)
				where = ""
			}
		}
	}
	table.WriteString("<!-- /keys -->")
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	between := regexp.MustCompile(`(?s)<!-- keys -->.*<!-- /keys -->`)
	switch got := between.FindString(string(text)); {
	case got == table.String():
	case *update:
		if err := os.WriteFile("README.md", between.ReplaceAllLiteral(text, []byte(table.String())), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("the README's key table is not the keymap's: go test . -run Readme -update")
	}
}
