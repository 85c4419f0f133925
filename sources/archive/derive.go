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
	boot, pid, ticks := f.Column(d.boot.Name()), f.Column(d.pid.Name()), f.Column(d.ticks.Name())
	if boot == nil || pid == nil || ticks == nil || c.Offsets != nil || c.Codes == nil {
		return false
	}
	seen := make([]idParts, c.Dict.Len()) // of each id, by its first row
	for r, code := range c.Codes {
		id, ok := idPartsAt(boot, pid, ticks, r)
		switch {
		case code == 0 || !ok:
			if (code == 0) == ok {
				return false
			}
		case seen[code] == idParts{}:
			if ecs.EntityID(boot.Dict.Value(id.boot), int(id.pid), id.ticks) != c.Dict.Value(code) {
				return false
			}
			seen[code] = id
		case seen[code] != id:
			return false
		}
	}
	return true
}

// idParts is what an entity id is made of; boot is a code and never 0.
type idParts struct {
	boot       uint32
	pid, ticks int64
}

// idPartsAt is false where a part is null.
func idPartsAt(boot, pid, ticks *frame.Column, row int) (idParts, bool) {
	id, okPID := pid.Int(row)
	start, okStart := ticks.Int(row)
	lo, hi := boot.Range(row)
	if !okPID || !okStart || lo == hi {
		return idParts{}, false
	}
	return idParts{boot.Codes[lo], id, start}, true
}

// column computes the ids for all rows of f; null where a part is null. It is
// nil when f lacks a column.
func (d *derivation) column(f *frame.Frame) *frame.Column {
	boot, pid, ticks := f.Column(d.boot.Name()), f.Column(d.pid.Name()), f.Column(d.ticks.Name())
	if boot == nil || pid == nil || ticks == nil {
		return nil
	}
	seen := make(map[idParts]uint32, f.Rows/4)
	var values []string
	codes := make([]uint32, f.Rows)
	for r := range codes {
		key, ok := idPartsAt(boot, pid, ticks, r)
		if !ok {
			continue
		}
		code, ok := seen[key]
		if !ok {
			values = append(values, ecs.EntityID(boot.Dict.Value(key.boot), int(key.pid), key.ticks))
			code = uint32(len(values))
			seen[key] = code
		}
		codes[r] = code
	}
	return &frame.Column{Type: frame.Keyword, Codes: codes, Dict: frame.NewDict(values)}
}
