package respond

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// ReadAnsible reads what `ansible-inventory --list` prints. Besides Ansible's own
// variables it knows interdict_environment, interdict_owner,
// interdict_criticality, interdict_allow, interdict_agent_ids and
// interdict_host_id. A host in a group named ci, staging or production is of
// that environment. Text of no other variable is looked at.
func ReadAnsible(source string, b []byte) ([]HostEntry, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	var meta struct {
		HostVars map[string]map[string]any `json:"hostvars"`
	}
	if raw, ok := all["_meta"]; ok {
		if err := json.Unmarshal(raw, &meta); err != nil {
			return nil, fmt.Errorf("%s: _meta: %w", source, err)
		}
	}
	groups := map[string]ansibleGroup{}
	for name, raw := range all {
		var g ansibleGroup
		if name != "_meta" && json.Unmarshal(raw, &g) == nil {
			groups[name] = g
		}
	}
	in := map[string][]string{} // groups of a host
	for name := range groups {
		for host := range members(groups, name, map[string]bool{}) {
			if name != "all" && name != "ungrouped" {
				in[host] = append(in[host], name)
			} else if in[host] == nil {
				in[host] = []string{}
			}
		}
	}
	for host := range meta.HostVars {
		if in[host] == nil {
			in[host] = []string{}
		}
	}
	var entries []HostEntry
	for host, groups := range in {
		slices.Sort(groups)
		entries = append(entries, ansibleEntry(source, host, groups, meta.HostVars[host]))
	}
	slices.SortFunc(entries, func(a, b HostEntry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

type ansibleGroup struct {
	Hosts    []string `json:"hosts"`
	Children []string `json:"children"`
}

// members are the hosts of a group and of the groups in it; groups may be in
// one another, in circles too.
func members(groups map[string]ansibleGroup, name string, seen map[string]bool) map[string]bool {
	hosts := map[string]bool{}
	if seen[name] {
		return hosts
	}
	seen[name] = true
	for _, h := range groups[name].Hosts {
		hosts[h] = true
	}
	for _, child := range groups[name].Children {
		for h := range members(groups, child, seen) {
			hosts[h] = true
		}
	}
	return hosts
}

func ansibleEntry(source, name string, groups []string, vars map[string]any) HostEntry {
	text := func(keys ...string) string {
		for _, k := range keys {
			switch v := vars[k].(type) {
			case string:
				return v
			case float64:
				return fmt.Sprint(int64(v))
			}
		}
		return ""
	}
	list := func(key string) []string {
		if many, ok := vars[key].([]any); ok {
			var all []string
			for _, one := range many {
				all = append(all, fmt.Sprint(one))
			}
			return all
		}
		if one := text(key); one != "" {
			return []string{one}
		}
		return nil
	}
	e := HostEntry{Name: name, Source: source, Groups: groups, Address: text("ansible_host", "ansible_ssh_host"), User: text("ansible_user", "ansible_ssh_user"),
		Environment: text("interdict_environment"), Owner: text("interdict_owner"), Criticality: text("interdict_criticality"),
		Allow: list("interdict_allow"), AgentIDs: list("interdict_agent_ids"), HostID: text("interdict_host_id")}
	if _, err := fmt.Sscan(text("ansible_port", "ansible_ssh_port"), &e.Port); err != nil {
		e.Port = 0 // not given
	}
	if key := text("ansible_ssh_private_key_file", "ansible_private_key_file"); key != "" {
		e.Keys = []string{key}
	}
	for _, args := range []string{text("ansible_ssh_common_args"), text("ansible_ssh_extra_args")} {
		if jump := jumpOf(args); len(e.Jump) == 0 && jump != "" {
			e.Jump = strings.Split(jump, ",")
		}
	}
	for _, g := range groups {
		if e.Environment == "" && (g == "ci" || g == "staging" || g == "production") {
			e.Environment = g
		}
	}
	return e
}

// jumpOf finds the jump host among options of ssh.
func jumpOf(args string) string {
	f := strings.Fields(strings.NewReplacer(`"`, " ", "'", " ").Replace(args))
	for i, a := range f {
		if _, jump, ok := strings.Cut(a, "ProxyJump="); ok {
			return jump
		}
		if (a == "-J" || a == "ProxyJump") && i+1 < len(f) {
			return f[i+1]
		}
		if jump, ok := strings.CutPrefix(a, "-J"); ok && jump != "" {
			return jump
		}
	}
	return ""
}
