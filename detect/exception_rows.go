package detect

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// leftOut is an item of a list of Elastic's that leaves rows out before a rule
// counts them, as a filter of Kibana's beside the query does.
type leftOut struct{ name, condition string }

// rows gives the condition of the rows that an item leaves out, as ES|QL that is
// never null, or why the item is compared with alerts instead.
func (i *item) rows() (condition, why string) {
	switch {
	case i.Meta.Interdict.MaxBytes > 0 || len(i.Meta.Interdict.Rules) > 0:
		return "", "it has limits of ours"
	case !i.Expires.IsZero():
		return "", "it ends on a day"
	case len(i.Entries) == 0:
		return "", "it has no conditions"
	}
	var all []string
	for _, e := range i.Entries {
		one, why := e.rows()
		if why != "" {
			return "", why
		}
		all = append(all, one)
	}
	return strings.Join(all, " AND "), ""
}

// plainPattern are the patterns that KQL reads as they are written.
var plainPattern = regexp.MustCompile(`^[\w./@*-]+$`)

// rows is true where one of the field's values fits, as in Elasticsearch's
// filters. LIKE, for patterns that KQL cannot write, looks at single values only.
func (e *itemOf) rows() (condition, why string) {
	column, ok := ecs.Lookup(e.Field)
	if !ok {
		return "", "events have no field " + e.Field
	}
	values, why := e.texts()
	if why != "" {
		return "", why
	}
	for k, v := range values {
		switch {
		case e.Type == "wildcard" && !plainPattern.MatchString(v):
			if column.Type() != frame.Keyword {
				return "", "of its pattern"
			}
			values[k] = "COALESCE(" + e.Field + " LIKE " + parse.Quote(v) + ", false)"
		case e.Type == "wildcard" || e.Type == "exists":
			values[k] = "KQL(" + parse.Quote(e.Field+": "+v) + ")"
		default:
			values[k] = "KQL(" + parse.Quote(e.Field+`: "`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v)+`"`) + ")"
		}
	}
	condition = "(" + strings.Join(values, " OR ") + ")"
	switch e.Operator {
	case "included", "":
		return condition, ""
	case "excluded":
		return "NOT " + condition, ""
	}
	return "", "its operator is not known"
}

func (e *itemOf) texts() (values []string, why string) {
	switch e.Type {
	case "exists":
		return []string{"*"}, ""
	case "match_any":
		if err := json.Unmarshal(e.Value, &values); err != nil || len(values) == 0 {
			return nil, "its values are no texts"
		}
		return values, ""
	case "match", "wildcard":
		values = make([]string, 1)
		if err := json.Unmarshal(e.Value, &values[0]); err != nil {
			return nil, "its value is no text"
		}
		return values, ""
	}
	return nil, "its conditions are of a type that is not known"
}

// without gives the query that reads no rows which one of the items leaves out.
// They go first, so that nothing has been counted before.
func without(query string, items []leftOut) (string, error) {
	q, err := parse.Parse(query)
	if err != nil {
		return "", err
	}
	if _, ok := q.Commands[0].(*parse.From); !ok {
		return "", fmt.Errorf("the query reads no rows")
	}
	var conditions []string
	for _, x := range items {
		conditions = append(conditions, "NOT ("+x.condition+")")
	}
	where := "WHERE " + strings.Join(conditions, " AND ")
	if len(q.Commands) == 1 {
		query += "\n| " + where // below a remark, if it ends with one
	} else {
		at := q.Commands[1].At().Offset(query)
		query = query[:at] + where + " | " + query[at:]
	}
	_, err = esql.Prepare(query)
	return query, err
}
