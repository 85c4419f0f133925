package elasticsearch

import "interdict/sources/ecs"

// datasets are those that a sensor ships.
var datasets = []string{ecs.Process.String(), ecs.Network.String(), ecs.File.String()}

// streams are the data streams of a namespace.
func streams(namespace string) (out []string) {
	for _, d := range datasets {
		out = append(out, "logs-"+d+"-"+namespace)
	}
	return append(out, "metrics-"+metricsDataset+"-"+namespace)
}

// metricsDataset is where a sensor says how it does.
const metricsDataset = "interdict.sensor"
