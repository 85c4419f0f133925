package elasticsearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Role is what a key must be allowed: the body of a role, or of a role
// descriptor of an API key.
type Role struct {
	Cluster []string    `json:"cluster"`
	Indices []IndexRole `json:"indices"`
}

// IndexRole is what it must be allowed on indices.
type IndexRole struct {
	Names      []string `json:"names"`
	Privileges []string `json:"privileges"`
}

// alertsIndex is where Elastic Security keeps its alerts.
const alertsIndex = ".alerts-security.alerts-*"

// ConsoleRole is the least that asking and watching need.
func (c Config) ConsoleRole() Role {
	events := c.Events
	if events == "" {
		events = defaultEvents
	}
	return Role{
		Cluster: []string{"monitor"},
		Indices: []IndexRole{{append(strings.Split(events, ","), alertsIndex), []string{"read", "view_index_metadata"}}},
	}
}

// SensorRole is the least that shipping needs. It may not read what others
// shipped elsewhere, and may delete nothing.
func (c Config) SensorRole() Role {
	namespace := c.Namespace
	if namespace == "" {
		namespace = "default"
	}
	return Role{
		Cluster: []string{"monitor", "manage_index_templates"},
		Indices: []IndexRole{{streams(namespace), []string{"auto_configure", "create_doc", "maintenance", "read", "view_index_metadata"}}},
	}
}

// sharedDocuments are the kinds of documents that consoles write over.
var sharedDocuments = []string{"alerts", "cases", "exceptions", "presence"}

// SharingRole is the console's with what sharing cases needs. How far the journals
// of others were it can add to, not change.
func (c Config) SharingRole() Role {
	r := c.ConsoleRole()
	var names []string
	for _, kind := range sharedDocuments {
		names = append(names, documentsPrefix+kind)
	}
	r.Indices = append(r.Indices,
		IndexRole{names, []string{"create_index", "index", "read", "view_index_metadata"}},
		IndexRole{[]string{documentsPrefix + "heads"}, []string{"create_doc", "create_index", "read", "view_index_metadata"}})
	return r
}

// String is the role as the API takes it.
func (r Role) String() string {
	b, _ := json.MarshalIndent(r, "", "  ") // strings and lists alone
	return string(b)
}

// why says what does not work without a privilege.
var why = map[string]string{
	"monitor":                "its licence, and perhaps its version, are not known",
	"read":                   "nothing can be seen or asked there",
	"view_index_metadata":    "fields that no index has fail a query instead of being null",
	"create_doc":             "nothing can be shipped there",
	"create_index":           "its index is not made: somebody has to make it first",
	"index":                  "nothing that is said here is seen by others",
	"auto_configure":         "data streams are not made: somebody has to make them first",
	"maintenance":            "after an outage events may come twice when a data stream has rolled over",
	"manage_index_templates": "templates are not installed: fields get whatever types the cluster guesses",
}

// Lacks asks what of a role this key is not allowed, a sentence each. A cluster
// without security allows everything.
func (c *Cluster) Lacks(ctx context.Context, r Role) ([]string, error) {
	body, err := json.Marshal(map[string]any{"cluster": r.Cluster, "index": r.Indices})
	if err != nil {
		return nil, err
	}
	var has struct {
		All     bool `json:"has_all_requested"`
		Cluster map[string]bool
		Index   map[string]map[string]bool
	}
	err = c.get(ctx, request{method: "POST", path: "/_security/user/_has_privileges", body: body}, &has)
	var f *Fault
	switch {
	case errors.As(err, &f) && securityIsOff(f):
		return nil, nil
	case err != nil || has.All:
		return nil, err
	}
	return missingOf(r, has.Cluster, has.Index), nil
}

func missingOf(r Role, cluster map[string]bool, index map[string]map[string]bool) (out []string) {
	for _, privilege := range r.Cluster {
		if ok, asked := cluster[privilege]; asked && !ok {
			out = append(out, fmt.Sprintf("this key lacks the cluster privilege %s: %s", privilege, why[privilege]))
		}
	}
	for _, i := range r.Indices {
		for _, name := range i.Names {
			for _, privilege := range i.Privileges {
				if !index[name][privilege] {
					out = append(out, fmt.Sprintf("this key lacks %s on %s: %s", privilege, name, why[privilege]))
				}
			}
		}
	}
	return out
}

// securityIsOff tells an answer of a cluster that has no such question.
func securityIsOff(f *Fault) bool {
	return f.Status == http.StatusBadRequest || f.Status == http.StatusMethodNotAllowed || f.Status == http.StatusNotFound
}
