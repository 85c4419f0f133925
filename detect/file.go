package detect

import "reflect"

// document is a rule file in Elastic's detection-rule schema, TOML or exported
// JSON: the parts that decide what a rule does. Times and units are still text.
type document struct {
	Metadata metadata  `toml:"metadata" json:"-"`
	Rule     *ruleBody `toml:"rule" json:"-"`
}

// metadata holds what the rule's own repository wants to know. Only the last is ours.
type metadata struct {
	CreationDate string `toml:"creation_date"`
	UpdatedDate  string `toml:"updated_date"`
	Maturity     string `toml:"maturity"`
	Integration  any    `toml:"integration"`
	MinStack     string `toml:"min_stack_version"`
	MinStackWhy  string `toml:"min_stack_comments"`
	Deprecated   string `toml:"deprecation_date"`
	Interdict    struct {
		Why string `toml:"why"`
	} `toml:"interdict"`
}

type ruleBody struct {
	ID             string   `toml:"rule_id" json:"rule_id"`
	Name           string   `toml:"name" json:"name"`
	Description    string   `toml:"description" json:"description"`
	Severity       string   `toml:"severity" json:"severity"`
	Risk           *float64 `toml:"risk_score" json:"risk_score"`
	Type           string   `toml:"type" json:"type"`
	Language       string   `toml:"language" json:"language"`
	Query          string   `toml:"query" json:"query"`
	Note           string   `toml:"note" json:"note"`
	Setup          string   `toml:"setup" json:"setup"`
	From           string   `toml:"from" json:"from"`
	To             string   `toml:"to" json:"to"`
	Interval       string   `toml:"interval" json:"interval"`
	TimestampField string   `toml:"timestamp_override" json:"timestamp_override"`
	MaxSignals     *int     `toml:"max_signals" json:"max_signals"`
	Enabled        *bool    `toml:"enabled" json:"-"`
	Tags           []string `toml:"tags" json:"tags"`
	References     []string `toml:"references" json:"references"`
	FalsePositives []string `toml:"false_positives" json:"false_positives"`

	Author  any    `toml:"author" json:"-"`
	License string `toml:"license" json:"-"`
	Version any    `toml:"version" json:"-"`

	Threat            []threat          `toml:"threat" json:"threat"`
	SeverityMapping   []severityMapping `toml:"severity_mapping" json:"severity_mapping"`
	Suppression       *suppression      `toml:"alert_suppression" json:"alert_suppression"`
	RelatedIntegs     []any             `toml:"related_integrations" json:"-"`
	RequiredFields    []any             `toml:"required_fields" json:"-"`
	InvestigateFields any               `toml:"investigation_fields" json:"-"`
}

type link struct {
	ID        string `toml:"id" json:"id"`
	Name      string `toml:"name" json:"name"`
	Reference string `toml:"reference" json:"reference"`
}

type technique struct {
	ID           string `toml:"id" json:"id"`
	Name         string `toml:"name" json:"name"`
	Reference    string `toml:"reference" json:"reference"`
	Subtechnique []link `toml:"subtechnique" json:"subtechnique"`
}

type threat struct {
	Framework string      `toml:"framework" json:"framework"`
	Tactic    link        `toml:"tactic" json:"tactic"`
	Technique []technique `toml:"technique" json:"technique"`
}

type severityMapping struct {
	Field    string `toml:"field" json:"field"`
	Operator string `toml:"operator" json:"operator"`
	Value    string `toml:"value" json:"value"`
	Severity string `toml:"severity" json:"severity"`
}

type suppression struct {
	GroupBy  []string `toml:"group_by" json:"group_by"`
	Duration *struct {
		Unit  string `toml:"unit" json:"unit"`
		Value int    `toml:"value" json:"value"`
	} `toml:"duration" json:"duration"`
	Missing string `toml:"missing_fields_strategy" json:"missing_fields_strategy"`
}

// schema are the fields that are known.
var schema = func() (names []string) {
	for t, i := reflect.TypeFor[ruleBody](), 0; i < t.NumField(); i++ {
		names = append(names, t.Field(i).Tag.Get("toml"))
	}
	return names
}()

// housekeeping are fields in which Kibana writes what it did with a rule, or what it draws.
var housekeeping = []string{"id", "created_at", "created_by", "updated_at", "updated_by", "immutable", "rule_source", "revision", "output_index",
	"meta", "namespace", "outcome", "alias_target_id", "alias_purpose", "execution_summary", "timestamp_override_fallback_disabled"}

// matters are fields of the schema that change what Kibana does with a rule
// and that are not done here: each use is a warning.
var matters = map[string]string{
	"index":               "the query's FROM decides what is read",
	"data_view_id":        "the query's FROM decides what is read",
	"filters":             "filters beside the query are not applied: the rule may find more",
	"exceptions_list":     "exception lists are not applied: the rule may find more",
	"risk_score_mapping":  "the risk is always the rule's own",
	"rule_name_override":  "the name is always the rule's own",
	"building_block_type": "its alerts are shown like others",
	"throttle":            "alerts are shown at once",
	"actions":             "actions of Kibana are not run",
	"response_actions":    "actions of Kibana are not run",
	"threat_mapping":      "indicator matches are not run",
	"new_terms_fields":    "new terms are not tracked",
	"threshold":           "thresholds beside the query are not applied",
	"to":                  "a run always looks up to now",
}
