package detect

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"interdict/sources/esql/parse"
)

// item is an exception as Elastic's exception lists write it. What is ours
// stands under meta.
type item struct {
	Type        string    `json:"type"`
	ListID      string    `json:"list_id"`
	ItemID      string    `json:"item_id"`
	Namespace   string    `json:"namespace_type"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Entries     []itemOf  `json:"entries"`
	Comments    []comment `json:"comments,omitempty"`
	Created     time.Time `json:"created_at,omitzero"`
	By          string    `json:"created_by,omitempty"`
	Expires     time.Time `json:"expire_time,omitzero"`
	Meta        struct {
		Interdict struct {
			Rules    []string `json:"rules,omitempty"`
			MaxBytes int64    `json:"max_bytes,omitempty"`
		} `json:"interdict,omitzero"`
	} `json:"meta,omitzero"`
}

type itemOf struct {
	Field    string          `json:"field"`
	Type     string          `json:"type"`
	Operator string          `json:"operator"`
	Value    json.RawMessage `json:"value,omitempty"`
}

type comment struct {
	Comment string `json:"comment"`
}

// listID is the list that exceptions of ours are exported in.
const listID = "interdict"

// MarshalJSON writes an item of an Elastic exception list.
func (x *Exception) MarshalJSON() ([]byte, error) {
	i := item{Type: "simple", ListID: listID, ItemID: x.ID, Namespace: "single", Name: x.Name, Description: x.Reason, Created: x.Created, By: x.Author, Expires: x.Expires, Entries: []itemOf{}}
	i.Meta.Interdict.Rules, i.Meta.Interdict.MaxBytes = x.Rules, x.MaxBytes
	for _, e := range x.Entries {
		out := itemOf{Field: e.Field, Operator: "included", Type: "match"}
		if e.Not {
			out.Operator = "excluded"
		}
		var value any
		switch {
		case e.Exists:
			out.Type = "exists"
		case e.Wildcard && len(e.Values) != 1:
			return nil, fmt.Errorf("field %s: an item has one pattern only", e.Field)
		case e.Wildcard:
			out.Type, value = "wildcard", e.Values[0]
		case len(e.Values) == 1:
			value = e.Values[0]
		default:
			out.Type, value = "match_any", e.Values
		}
		if value != nil {
			raw, err := json.Marshal(value)
			if err != nil {
				return nil, err
			}
			out.Value = raw
		}
		i.Entries = append(i.Entries, out)
	}
	return json.Marshal(i)
}

// UnmarshalJSON reads an item of an Elastic exception list and checks it.
func (x *Exception) UnmarshalJSON(b []byte) error {
	var i item
	if err := json.Unmarshal(b, &i); err != nil {
		return err
	}
	if err := itemKeys(b, i.Name); err != nil {
		return err
	}
	*x = Exception{ID: i.ItemID, Name: i.Name, Reason: i.Description, Author: i.By, Created: i.Created, Expires: i.Expires,
		Rules: i.Meta.Interdict.Rules, MaxBytes: i.Meta.Interdict.MaxBytes}
	for _, from := range i.Entries {
		e := Entry{Field: from.Field}
		switch from.Operator {
		case "included", "":
		case "excluded":
			e.Not = true
		default:
			return fmt.Errorf("exception %q: operator %q is not known", i.Name, from.Operator)
		}
		var err error
		switch from.Type {
		case "match", "wildcard":
			e.Values, e.Wildcard = make([]string, 1), from.Type == "wildcard"
			err = json.Unmarshal(from.Value, &e.Values[0])
		case "match_any":
			err = json.Unmarshal(from.Value, &e.Values)
		case "exists":
			e.Exists = true
		default:
			err = errors.New("conditions of this type are not supported")
		}
		if err != nil {
			return fmt.Errorf("exception %q: field %q, type %q: %w", i.Name, from.Field, from.Type, err)
		}
		x.Entries = append(x.Entries, e)
	}
	if err := x.Check(); err != nil {
		return fmt.Errorf("exception %q: %w", i.Name, err)
	}
	return nil
}

// keysOfItem and keysOfEntry are what Elastic's exception lists write.
var (
	keysOfItem = []string{"_version", "comments", "created_at", "created_by", "description", "entries", "expire_time", "id", "item_id", "list_id", "meta", "name",
		"namespace_type", "os_types", "tags", "tie_breaker_id", "type", "updated_at", "updated_by"}
	keysOfEntry = []string{"field", "type", "operator", "value", "list", "entries"}
)

// itemKeys says which keys an item, or a condition of it, cannot have.
func itemKeys(b []byte, name string) error {
	var top map[string]json.RawMessage
	var within struct {
		Entries []map[string]json.RawMessage `json:"entries"`
	}
	if err := errors.Join(json.Unmarshal(b, &top), json.Unmarshal(b, &within)); err != nil {
		return fmt.Errorf("exception %q: %w", name, err)
	}
	all := strangeKeys(top, keysOfItem)
	for _, e := range within.Entries {
		all = append(all, strangeKeys(e, keysOfEntry)...)
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("exception %q: %w", name, err)
	}
	return nil
}

func strangeKeys(got map[string]json.RawMessage, known []string) (all []error) {
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if !slices.Contains(known, key) {
			all = append(all, fmt.Errorf("there is no key %q%s", key, meant(key, known)))
		}
	}
	return all
}

// meant is ", did you mean X?" when a name that is not known is near one that is.
func meant(name string, known []string) string {
	if best := parse.Nearest(name, known); best != "" {
		return ", did you mean " + best + "?"
	}
	return ""
}
