package elasticsearch

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// templatePrefix is how templates of ours are called: we change no others.
const templatePrefix = "interdict-"

// templatePriority is above that of the generic templates of Elasticsearch, and of Fleet.
const templatePriority = 500

// keywordMost is the longest keyword that is indexed, in code points: Lucene takes 32,766 bytes.
const keywordMost = 8191

// wildcards are the fields that have no such limit.
var wildcards = map[ecs.Column]bool{ecs.ProcessCommandLine: true, ecs.ParentCommandLine: true, ecs.FilePath: true}

// InstallTemplates makes the templates of the namespace's data streams and says
// what it did, a sentence each. A stream that a template of somebody else is
// made for, as Elastic Defend's are, is left to that, also when it came after ours.
// One that makes no streams and stands below ours is no such template.
func (c *Cluster) InstallTemplates(ctx context.Context) (did []string, err error) {
	var there struct {
		Templates []struct {
			Name     string
			Template struct {
				Patterns []string `json:"index_patterns"`
				Priority int64
				Streams  any `json:"data_stream"` // nil: it makes none
			} `json:"index_template"`
		} `json:"index_templates"`
	}
	if err := c.get(ctx, request{method: "GET", path: "/_index_template"}, &there); err != nil {
		return nil, err
	}
	for _, stream := range streams(c.cfg.Namespace) {
		name, other, ours := templatePrefix+stream, "", false
		for _, t := range there.Templates {
			ours = ours || t.Name == name
			if t.Template.Streams == nil && t.Template.Priority < templatePriority { // a catch-all, say: it gives way to ours
				continue
			}
			for _, pattern := range t.Template.Patterns {
				matches, _ := path.Match(pattern, stream)
				if matches && !strings.HasPrefix(t.Name, templatePrefix) && !strings.HasPrefix(pattern, "logs-*") && !strings.HasPrefix(pattern, "metrics-*") {
					other = t.Name
				}
			}
		}
		if other != "" && ours {
			if _, err := c.ask(ctx, request{method: "DELETE", path: "/_index_template/" + name}); err != nil {
				return did, err
			}
			did = append(did, fmt.Sprintf("template %s, made by an earlier sensor, is taken away", name))
		}
		if other != "" {
			did = append(did, fmt.Sprintf("%s is made by template %s, which is left as it is", stream, other))
			continue
		}
		body, err := json.Marshal(template(stream))
		if err != nil {
			return did, err
		}
		if _, err := c.ask(ctx, request{method: "PUT", path: "/_index_template/" + name, body: body}); err != nil {
			return did, err
		}
		did = append(did, fmt.Sprintf("template %s makes %s", name, stream))
	}
	return did, nil
}

// template is that of one stream.
func template(stream string) any {
	properties := map[string]any{}
	for i, f := range ecs.Fields() {
		m := map[string]any{"type": f.Type.String()}
		switch {
		case wildcards[ecs.Column(i)]:
			m["type"] = "wildcard"
		case f.Type == frame.Keyword:
			m["ignore_above"] = keywordMost
		}
		properties[f.Name] = m
	}
	strings := map[string]any{"match_mapping_type": "string", "mapping": map[string]any{"type": "keyword", "ignore_above": 1024}}
	return map[string]any{
		"index_patterns": []string{stream}, "priority": templatePriority, "data_stream": map[string]any{},
		"_meta": map[string]any{"description": "events of interdict sensors", "managed_by": "interdict"},
		"template": map[string]any{
			"mappings":  map[string]any{"dynamic_templates": []any{map[string]any{"strings": strings}}, "properties": properties},
			"lifecycle": map[string]any{"data_retention": "30d"},
		},
	}
}
