package funcs

import (
	"math"
	"slices"

	"interdict/sources/frame"
)

// quantiles are median, percentile and median_absolute_deviation.
func quantiles() []AggDef {
	number := func(name, expect string) Param { return Param{Name: name, Types: Int | Long | Double, Expect: expect} }
	middle := func(q func(*tdigest) float64) func(*Call) (Aggregator, error) {
		return func(*Call) (Aggregator, error) { return &quantile{of: q}, nil }
	}
	field := []Param{number("number", "numeric except unsigned_long or counter types")}
	percentile := number("percentile", "numeric except unsigned_long")
	percentile.Const = true
	return []AggDef{
		{Name: "median", Params: field, Result: Fixed(frame.Double), New: middle(func(d *tdigest) float64 { return d.at(0.5) })},
		{Name: "median_absolute_deviation", Params: field, Result: Fixed(frame.Double), New: middle((*tdigest).deviation)},
		{Name: "percentile", Params: []Param{number("number", "numeric except unsigned_long"), percentile}, Result: Fixed(frame.Double), New: newPercentile},
	}
}

// newPercentile takes whole percents, as Elasticsearch does: it cuts what is behind the point.
func newPercentile(c *Call) (Aggregator, error) {
	var q float64
	switch v := c.Const(1).(type) {
	case int64:
		q = float64(v)
	case float64:
		q = math.Trunc(v)
	}
	return &quantile{of: func(d *tdigest) float64 {
		if q < 0 || q > 100 {
			return math.NaN()
		}
		return d.at(q / 100)
	}}, nil
}

// quantile keeps a digest of each group's values.
type quantile struct {
	of      func(*tdigest) float64
	digests []tdigest
}

func (a *quantile) Add(groups []uint32, size int, in []Vec, n int) {
	a.digests = grown(a.digests, size)
	if in[0].Type == frame.Null {
		return
	}
	each(groups, in[0], n, func(g uint32, k int) { a.digests[g].add(numberAt(in[0], k)) })
}

func numberAt(v Vec, k int) float64 {
	if v.Floats != nil {
		return v.Floats[k]
	}
	return float64(v.Ints[k])
}

func (a *quantile) Merge(other Aggregator, groups []uint32, size int) {
	a.digests = grown(a.digests, size)
	for g := range other.(*quantile).digests {
		a.digests[groups[g]].merge(&other.(*quantile).digests[g])
	}
}

func (a *quantile) Result(n int) *frame.Column {
	a.digests = grown(a.digests, n)
	out := NewOut(frame.Double, n)
	for g := range n {
		if v := a.of(&a.digests[g]); !math.IsNaN(v) {
			out.AddFloat(g, v)
		}
	}
	return out.Column()
}

func (a *quantile) Bytes() (n int) {
	for i := range a.digests {
		n += 8*cap(a.digests[i].values) + 16*cap(a.digests[i].centroids) + 56
	}
	return n
}

// tdigest answers quantiles: exactly up to maxExact values, and beyond that with a
// merging t-digest (Dunning and Ertl, "Computing Extremely Accurate Quantiles
// Using t-Digests", 2019). Both numbers are Elasticsearch's.
type tdigest struct {
	values    []float64 // all, or since the last compression those that wait
	centroids []centroid
	least     float64
	most      float64
	sorted    bool
}

type centroid struct{ mean, weight float64 }

const (
	compression = 1000
	maxExact    = 20 * compression
)

func (d *tdigest) add(v float64) {
	if len(d.values) == 0 && d.centroids == nil {
		d.least, d.most = v, v
	}
	d.least, d.most = min(d.least, v), max(d.most, v)
	d.values = append(d.values, v)
	d.sorted = false
	if len(d.values) >= maxExact {
		d.compress(nil)
	}
}

func (d *tdigest) merge(o *tdigest) {
	if o.centroids != nil {
		d.least, d.most = o.bounds(d)
		d.compress(o.centroids)
	}
	for _, v := range o.values {
		d.add(v)
	}
}

func (d *tdigest) bounds(o *tdigest) (least, most float64) {
	if len(o.values) == 0 && o.centroids == nil {
		return d.least, d.most
	}
	return min(d.least, o.least), max(d.most, o.most)
}

// compress makes one list of centroids of all that there are, none larger than
// the scale function k1 allows at its place.
func (d *tdigest) compress(more []centroid) {
	all := append(slices.Clone(d.centroids), more...)
	for _, v := range d.values {
		all = append(all, centroid{v, 1})
	}
	d.values = d.values[:0]
	slices.SortFunc(all, func(a, b centroid) int {
		switch {
		case a.mean < b.mean:
			return -1
		case a.mean > b.mean:
			return 1
		}
		return 0
	})
	total := 0.0
	for _, c := range all {
		total += c.weight
	}
	scale := func(q float64) float64 { return compression / (2 * math.Pi) * math.Asin(2*min(q, 1)-1) }
	out := make([]centroid, 0, 2*compression)
	before := 0.0
	for _, c := range all {
		if n := len(out) - 1; n >= 0 && scale((before+out[n].weight+c.weight)/total)-scale(before/total) <= 1 {
			w := out[n].weight + c.weight
			out[n] = centroid{out[n].mean + (c.mean-out[n].mean)*c.weight/w, w}
			continue
		} else if n >= 0 {
			before += out[n].weight
		}
		out = append(out, c)
	}
	d.centroids = out
}

// at is the value below which the part q of all lies; NaN when there is none.
func (d *tdigest) at(q float64) float64 {
	if d.centroids == nil {
		return d.exact(q)
	}
	if len(d.values) > 0 {
		d.compress(nil)
	}
	if q <= 0 {
		return d.least
	} else if q >= 1 {
		return d.most
	}
	total := 0.0
	for _, c := range d.centroids {
		total += c.weight
	}
	want, seen := q*(total-1)+0.5, 0.0
	last := centroid{d.least, 0}
	lastAt := 0.0
	for _, c := range d.centroids {
		at := seen + c.weight/2
		if want <= at {
			return interpolated(lastAt, last.mean, at, c.mean, want)
		}
		seen += c.weight
		last, lastAt = c, at
	}
	return interpolated(lastAt, last.mean, total, d.most, want)
}

func interpolated(x0, y0, x1, y1, x float64) float64 {
	if x1 <= x0 {
		return y1
	}
	return y0 + (y1-y0)*(x-x0)/(x1-x0)
}

func (d *tdigest) exact(q float64) float64 {
	if len(d.values) == 0 {
		return math.NaN()
	}
	if !d.sorted {
		slices.Sort(d.values)
		d.sorted = true
	}
	at := q * float64(len(d.values)-1)
	low := int(at)
	if low+1 >= len(d.values) {
		return d.values[len(d.values)-1]
	}
	return d.values[low] + (at-float64(low))*(d.values[low+1]-d.values[low])
}

// deviation is the median of the distances from the median.
func (d *tdigest) deviation() float64 {
	middle := d.at(0.5)
	if math.IsNaN(middle) {
		return middle
	}
	var far tdigest
	for _, v := range d.values {
		far.add(math.Abs(v - middle))
	}
	if d.centroids != nil {
		moved := make([]centroid, len(d.centroids))
		far.least, far.most = math.Inf(1), 0
		for i, c := range d.centroids {
			moved[i] = centroid{math.Abs(c.mean - middle), c.weight}
			far.least, far.most = min(far.least, moved[i].mean), max(far.most, moved[i].mean)
		}
		far.compress(moved)
	}
	return far.at(0.5)
}
