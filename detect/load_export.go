package detect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// export is a file that Kibana exported: a rule a line, then the items of
// exception lists and a summary.
type export struct {
	file     string
	rules    []*Rule
	lists    map[string][]*Exception // by list_id
	rows     map[string][]leftOut    // items that leave rows out, by list_id
	named    map[*Rule][]string      // the lists that a rule names
	problems []Problem
}

func loadJSON(file string, text []byte) ([]*Rule, []Problem) {
	x := &export{file: file, lists: make(map[string][]*Exception), rows: make(map[string][]leftOut), named: make(map[*Rule][]string)}
	for i, line := range bytes.Split(text, []byte("\n")) {
		if len(bytes.TrimSpace(line)) > 0 {
			x.line(i+1, line)
		}
	}
	for _, r := range x.rules {
		for _, list := range x.named[r] {
			items, ok := x.lists[list]
			if !ok {
				x.problems = append(x.problems, Problem{File: file, Warning: true, Text: r.Name + ": exception list " + list + " is not in the file: the rule may find more"})
			}
			for _, item := range items {
				own := *item
				own.Rules = []string{r.ID}
				r.Exceptions = append(r.Exceptions, &own)
			}
			x.leaveOut(r, x.rows[list])
		}
	}
	return x.rules, x.problems
}

// leaveOut has a rule read no rows that items of a list leave out.
func (x *export) leaveOut(r *Rule, items []leftOut) {
	if len(items) == 0 || r.Language != "esql" || r.Unsupported != "" {
		return
	}
	query, err := without(r.Query, items)
	if err != nil {
		x.problems = append(x.problems, Problem{File: x.file, Warning: true, Text: r.Name + ": exceptions are not applied, the rule may find more: " + err.Error()})
		return
	}
	r.Query = query
	for _, i := range items {
		x.problems = append(x.problems, Problem{File: x.file, Warning: true, Text: fmt.Sprintf("%s: exception %q leaves out rows before they are counted, as Kibana does: %s", r.Name, i.name, i.condition)})
	}
}

func (x *export) line(number int, line []byte) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(line, &keys); err != nil {
		x.problems = append(x.problems, Problem{File: x.file, Line: number, Text: "not a JSON object: " + err.Error()})
		return
	}
	if _, summary := keys["exported_count"]; summary {
		return
	}
	if _, list := keys["list_id"]; list {
		x.listed(number, line, keys)
		return
	}
	var d struct {
		ruleBody
		Enabled *bool `json:"enabled"`
		Lists   []struct {
			ListID string `json:"list_id"`
		} `json:"exceptions_list"`
	}
	if err := json.Unmarshal(line, &d); err != nil {
		x.problems = append(x.problems, Problem{File: x.file, Line: number, Text: err.Error()})
		return
	}
	b := &builder{file: x.file, line: number}
	for name, why := range matters {
		if v, ok := keys[name]; ok && len(bytes.Trim(v, `[]{}" `)) > 0 && name != "to" && name != "exceptions_list" && string(v) != "null" {
			b.say(true, "", "%s is not used: %s", name, why)
		}
	}
	for name, v := range keys {
		if _, told := matters[name]; !told && !slices.Contains(housekeeping, name) && !slices.Contains(schema, name) && string(v) != "null" {
			b.say(true, "", "%s is not used", name)
		}
	}
	d.ruleBody.Enabled = d.Enabled
	slices.SortFunc(b.problems, func(p, q Problem) int { return strings.Compare(p.Text, q.Text) })
	r := b.rule(&d.ruleBody)
	b.listed(r)
	x.problems = append(x.problems, b.problems...)
	if b.failed() {
		return
	}
	x.rules = append(x.rules, r)
	for _, l := range d.Lists {
		x.named[r] = append(x.named[r], l.ListID)
	}
}

// listed takes an item of an exception list, or notes that there is the list.
func (x *export) listed(number int, line []byte, keys map[string]json.RawMessage) {
	var id string
	_ = json.Unmarshal(keys["list_id"], &id) // one that is no text names no list
	if _, item := keys["entries"]; !item {
		if x.lists[id] == nil {
			x.lists[id] = []*Exception{}
		}
		return
	}
	var i item
	why := ""
	if json.Unmarshal(line, &i) == nil {
		var condition string
		if condition, why = i.rows(); why == "" {
			x.rows[id] = append(x.rows[id], leftOut{i.Name, condition})
			if x.lists[id] == nil {
				x.lists[id] = []*Exception{}
			}
			return
		}
	}
	var e Exception
	if err := json.Unmarshal(line, &e); err != nil {
		x.problems = append(x.problems, Problem{File: x.file, Line: number, Warning: true, Text: err.Error() + ": it is not applied, rules may find more"})
		return
	}
	x.problems = append(x.problems, Problem{File: x.file, Line: number, Warning: true,
		Text: fmt.Sprintf("exception %q is compared with alerts, not with rows before they are counted: %s", i.Name, why)})
	x.lists[id] = append(x.lists[id], &e)
}
