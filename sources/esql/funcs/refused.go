package funcs

import (
	"slices"
	"strings"
)

const (
	geometry   = "geometry has no columns here"
	vectors    = "vectors have no columns here"
	series     = "time series have no columns here"
	ranges     = "ranges have no columns here"
	model      = "it needs a model"
	planned    = "no release of Elasticsearch has it yet"
	cutting    = "it cuts text where a natural language is told from another"
	relevance  = "there is no relevance score"
	flattened  = "flattened fields are columns of their own here"
	lambdas    = "functions have no values that are functions here"
	histograms = "histograms have no columns here"
)

// Refused says why a function that Elasticsearch has is not here; "" when it
// has none of that name.
func Refused(name string) string {
	for _, g := range []struct {
		prefix, why string
	}{
		{"st_", geometry}, {"to_geo", geometry}, {"to_cartesian", geometry}, {"v_", vectors}, {"knn", vectors}, {"text_embedding", model}, {"embedding", model},
		{"categorize", "it needs the machine learning plugin"}, {"to_dense_vector", vectors}, {"to_aggregate_metric_double", series}, {"rate", series}, {"tbucket", series},
		{"irate", series}, {"score", relevance}, {"range_", ranges}, {"field_extract", flattened}, {"fmt_", planned}, {"histogram_", histograms},
	} {
		if strings.HasPrefix(name, g.prefix) {
			return g.why
		}
	}
	for _, g := range []struct {
		why   string
		names []string
	}{
		{ranges, []string{"to_range", "to_date_range", "in_range"}},
		{series, []string{"delta", "idelta", "deriv", "increase", "to_counter", "to_gauge", "bottomk", "topk", "limitk"}},
		{histograms, []string{"to_tdigest", "to_exponential_histogram"}},
		{relevance, []string{"top_snippets", "extract_snippets", "multi_match", "term"}},
		{lambdas, []string{"any_match", "all_match", "filter", "map"}},
		{cutting, []string{"chunk"}},
		{planned, []string{"to_ascii", "sparkline", "date_unit_count"}},
	} {
		if slices.Contains(g.names, name) {
			return g.why
		}
	}
	if strings.HasSuffix(name, "_over_time") {
		return series
	}
	return ""
}
