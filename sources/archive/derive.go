package archive

import (
	"interdict/sources/ecs"
	"interdict/sources/frame"
)

func (d *derivation) needs() []string {
	return []string{d.boot.Name(), d.pid.Name(), d.ticks.Name()}
}

// explains tells whether every value of c is what d gives for its row.
func (d *derivation) explains(f *frame.Frame, c *frame.Column) bool {
	if c.Offsets != nil || c.Codes == nil {
		return false
	}
	own := d.column(f)
	if own == nil {
		return false
	}
	for r := range f.Rows {
		if c.Dict.Value(c.Codes[r]) != own.Dict.Value(own.Codes[r]) {
			return false
		}
	}
	return true
}

// column computes the ids for all rows of f; null where a part is null. It is
// nil when f lacks a column.
func (d *derivation) column(f *frame.Frame) *frame.Column {
	boot, pid, ticks := f.Column(d.boot.Name()), f.Column(d.pid.Name()), f.Column(d.ticks.Name())
	if boot == nil || pid == nil || ticks == nil {
		return nil
	}
	type process struct {
		boot       uint32
		pid, ticks int64
	}
	seen := make(map[process]uint32, f.Rows/4)
	var values []string
	codes := make([]uint32, f.Rows)
	for r := range codes {
		id, okPID := pid.Int(r)
		start, okStart := ticks.Int(r)
		lo, hi := boot.Range(r)
		if !okPID || !okStart || lo == hi {
			continue
		}
		key := process{boot.Codes[lo], id, start}
		code, ok := seen[key]
		if !ok {
			values = append(values, ecs.EntityID(boot.Dict.Value(key.boot), int(id), start))
			code = uint32(len(values))
			seen[key] = code
		}
		codes[r] = code
	}
	return &frame.Column{Type: frame.Keyword, Codes: codes, Dict: frame.NewDict(values)}
}
