package detect

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"

	"interdict/sources/ecs"
)

// key identifies one process of one boot of one machine: the 12 bytes that
// ecs.EntityID prints. An entity id of another sensor is hashed into one.
type key struct {
	a uint32
	b uint64
}

func bootHash(bootID string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(bootID))
	return h.Sum32()
}

func keyOf(boot uint32, pid, start int64) key {
	return key{boot ^ uint32(pid), uint64(start) ^ uint64(pid)<<40}
}

func keyOfEntity(id string) key {
	if id == "" {
		return key{}
	}
	var raw [sha256.Size]byte
	if len(id) == 16 {
		if n, err := base64.RawURLEncoding.Decode(raw[:], []byte(id)); err == nil && n == 12 {
			return key{binary.BigEndian.Uint32(raw[:]), binary.BigEndian.Uint64(raw[4:])}
		}
	}
	raw = sha256.Sum256([]byte(id))
	return key{binary.BigEndian.Uint32(raw[:]), binary.BigEndian.Uint64(raw[4:])}
}

func (k key) entity() string {
	var raw [12]byte
	binary.BigEndian.PutUint32(raw[:], k.a)
	binary.BigEndian.PutUint64(raw[4:], k.b)
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// identities reads the keys of a batch's processes; it hashes each boot id once.
type identities struct {
	*view
	boots []uint32 // by code of host.boot.id, 0: not yet
}

func identitiesOf(v *view) identities {
	ids := identities{view: v}
	if c := v.cols[ecs.HostBootID]; c != nil && c.Dict != nil {
		ids.boots = make([]uint32, c.Dict.Len())
	}
	return ids
}

func (ids *identities) boot(row int) uint32 {
	c := ids.cols[ecs.HostBootID]
	if c == nil {
		return bootHash("")
	}
	lo, hi := c.Range(row)
	if lo == hi {
		return bootHash("")
	}
	code := c.Codes[lo]
	if ids.boots[code] == 0 {
		ids.boots[code] = bootHash(c.Dict.Value(code))
	}
	return ids.boots[code]
}

func (ids *identities) process(row int) (key, bool) {
	return ids.key(row, ecs.ProcessPID, ecs.StartTicks, ecs.ProcessEntityID)
}

func (ids *identities) parent(row int) (key, bool) {
	return ids.key(row, ecs.ParentPID, ecs.ParentStartTicks, ecs.ParentEntityID)
}

func (ids *identities) key(row int, pid, ticks, entity ecs.Column) (key, bool) {
	p, okPID := ids.int(pid, row)
	t, okTicks := ids.int(ticks, row)
	if okPID && okTicks {
		return keyOf(ids.boot(row), p, t), true
	}
	if id := ids.text(entity, row); id != "" {
		return keyOfEntity(id), true
	}
	return key{}, false
}
