package elasticsearch

import "interdict/sources/ecs"

// streams are the data streams of a namespace.
func streams(namespace string) (out []string) {
	for _, d := range []ecs.Dataset{ecs.Process, ecs.Network, ecs.File} {
		out = append(out, "logs-"+d.String()+"-"+namespace)
	}
	return append(out, "metrics-"+metricsDataset+"-"+namespace)
}

// metricsDataset is where a sensor says how it does.
const metricsDataset = "interdict.sensor"
