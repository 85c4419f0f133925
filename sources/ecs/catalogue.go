package ecs

import "interdict/sources/frame"

var byName = func() map[string]Column {
	m := make(map[string]Column, numColumns)
	for i, f := range catalogue {
		m[f.Name] = Column(i)
	}
	return m
}()

// Lookup finds a field by its ECS name.
func Lookup(name string) (Column, bool) {
	c, ok := byName[name]
	return c, ok
}

// Name is the field's ECS name.
func (c Column) Name() string { return catalogue[c].Name }

// Type is the field's type.
func (c Column) Type() frame.Type { return catalogue[c].Type }

// Fields gives the whole catalogue. The caller may keep and change it.
func Fields() []frame.Field { return append([]frame.Field(nil), catalogue[:]...) }

// Dataset is a kind of event, which is a data stream of its own.
type Dataset uint8

// The datasets that sources of ours fill.
const (
	Process Dataset = iota
	Network
	File
	Counts // how often something was seen, by day: no events

	Datasets // how many there are
)

var datasets = [...]struct{ name, index, category string }{
	{"endpoint.events.process", "logs-endpoint.events.process-default", "process"},
	{"endpoint.events.network", "logs-endpoint.events.network-default", "network"},
	{"endpoint.events.file", "logs-endpoint.events.file-default", "file"},
	{"interdict.counts", "interdict.counts-default", "host"},
}

// String is the value of data_stream.dataset.
func (d Dataset) String() string { return datasets[d].name }

// Index is the local data stream's name, which FROM matches.
func (d Dataset) Index() string { return datasets[d].index }

// ParseDataset is the inverse of [Dataset.String].
func ParseDataset(name string) (Dataset, bool) {
	for i, d := range datasets {
		if d.name == name {
			return Dataset(i), true
		}
	}
	return 0, false
}
