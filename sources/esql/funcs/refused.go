package funcs

import "strings"

// Refused says why a function that Elasticsearch has is not here; "" when it
// has none of that name.
func Refused(name string) string {
	for _, g := range []struct{ prefix, why string }{
		{"st_", "geometry has no columns here"}, {"to_geo", "geometry has no columns here"}, {"to_cartesian", "geometry has no columns here"}, {"to_geohash", "geometry has no columns here"},
		{"v_", "vectors have no columns here"}, {"knn", "vectors have no columns here"}, {"text_embedding", "it needs a model"}, {"categorize", "it needs the machine learning plugin"},
		{"to_dense_vector", "vectors have no columns here"}, {"to_aggregate_metric_double", "time series have no columns here"},
		{"rate", "time series have no columns here"}, {"tbucket", "time series have no columns here"}, {"irate", "time series have no columns here"}, {"score", "there is no relevance score"},
	} {
		if strings.HasPrefix(name, g.prefix) {
			return g.why
		}
	}
	if strings.HasSuffix(name, "_over_time") {
		return "time series have no columns here"
	}
	return ""
}
