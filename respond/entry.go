package respond

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Phase is a step of an operation.
type Phase string

// The phases. Planned, approved and applying carry the Plan; the others an Outcome.
const (
	Planned  Phase = "planned"  // shown to a person
	Approved Phase = "approved" // the plan as the person approved it
	Applying Phase = "applying" // written before the host is touched
	Applied  Phase = "applied"
	Verified Phase = "verified" // looked at from outside; the verdict may be bad
	Undoing  Phase = "undoing"  // written before the host is touched
	Undone   Phase = "undone"
	Failed   Phase = "failed" // with what was changed all the same
	Refused  Phase = "refused"
)

// Entry is one record of the journal. Append fills Seq, Prev and Hash, and
// Wall, BootID and Boot unless they are set.
type Entry struct {
	Seq    int64           `json:"seq"`     // 1, 2, 3 …
	Op     string          `json:"op"`      // the same for all entries of one operation
	Wall   time.Time       `json:"wall"`    // UTC, of this machine
	BootID string          `json:"boot_id"` // of this machine
	Boot   time.Duration   `json:"boot"`    // since that boot: shows a wall clock that was turned
	Actor  Actor           `json:"actor"`
	Host   string          `json:"host"`    // acted on: Host.Name
	HostID string          `json:"host_id"` // acted on
	Kind   string          `json:"kind"`
	Phase  Phase           `json:"phase"`
	Body   json.RawMessage `json:"body"`
	// Override is set when the action went on before its entry was on disk.
	Override *Override `json:"override,omitempty"`
	Prev     Hash      `json:"prev"`
	Hash     Hash      `json:"hash"`
}

// Outcome is the body of every entry after the host was touched, or was not.
type Outcome struct {
	Error   string   `json:"error,omitempty"`
	Reasons []Reason `json:"reasons,omitempty"`
	Result  *Result  `json:"result,omitempty"`
	Verdict *Verdict `json:"verdict,omitempty"`
}

// Override is a person's word that an action goes on though the journal cannot
// be written. It is chained with the entry once there is space.
type Override struct {
	By     string `json:"by"`
	Typed  string `json:"typed"`  // what the person typed; never empty
	Reason string `json:"reason"` // why there was no journal
}

// Hash is SHA-256 over an entry's canonical bytes; it shows as hex.
type Hash [sha256.Size]byte

// String is lower-case hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes hex.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads hex.
func (h *Hash) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != len(h) {
		return fmt.Errorf("hash has %d characters, wants %d", len(b), hex.EncodedLen(len(h)))
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// row is an entry exactly as stored; what is hashed is what is stored.
type row struct {
	seq                              int64
	op, wall, bootID                 string
	boot                             int64
	actor, host, hostID, kind, phase string
	body, override                   []byte
	prev, hash                       []byte
}

const canonical = "interdict journal 1\n" // names the encoding, so that another one can never give the same bytes

// sum hashes every field in order, each behind its length, so that no two
// different rows have the same bytes.
func (r *row) sum() Hash {
	h := sha256.New()
	h.Write([]byte(canonical))
	number := func(n int64) { h.Write(binary.BigEndian.AppendUint64(nil, uint64(n))) }
	field := func(b []byte) { number(int64(len(b))); h.Write(b) }
	number(r.seq)
	number(r.boot)
	for _, s := range []string{r.op, r.wall, r.bootID, r.actor, r.host, r.hostID, r.kind, r.phase} {
		field([]byte(s))
	}
	field(r.body)
	field(r.override)
	field(r.prev)
	return Hash(h.Sum(nil))
}

func (e *Entry) row() (*row, error) {
	actor, err := json.Marshal(e.Actor)
	if err != nil {
		return nil, fmt.Errorf("journal entry: %w", err)
	}
	r := &row{
		seq: e.Seq, op: e.Op, wall: e.Wall.UTC().Format(time.RFC3339Nano), bootID: e.BootID, boot: int64(e.Boot),
		actor: string(actor), host: e.Host, hostID: e.HostID, kind: e.Kind, phase: string(e.Phase),
		body: e.Body, override: []byte{}, prev: e.Prev[:],
	}
	if r.body == nil {
		r.body = []byte{}
	}
	if e.Override != nil {
		if r.override, err = json.Marshal(e.Override); err != nil {
			return nil, fmt.Errorf("journal entry: %w", err)
		}
	}
	return r, nil
}

func (r *row) entry() (Entry, error) {
	e := Entry{
		Seq: r.seq, Op: r.op, BootID: r.bootID, Boot: time.Duration(r.boot),
		Host: r.host, HostID: r.hostID, Kind: r.kind, Phase: Phase(r.phase), Body: r.body,
	}
	var err error
	if e.Wall, err = time.Parse(time.RFC3339Nano, r.wall); err != nil {
		return e, fmt.Errorf("journal entry %d: %w", r.seq, err)
	}
	if err = json.Unmarshal([]byte(r.actor), &e.Actor); err != nil {
		return e, fmt.Errorf("journal entry %d: actor: %w", r.seq, err)
	}
	if len(r.override) > 0 {
		if err = json.Unmarshal(r.override, &e.Override); err != nil {
			return e, fmt.Errorf("journal entry %d: override: %w", r.seq, err)
		}
	}
	if len(r.prev) != len(e.Prev) || len(r.hash) != len(e.Hash) {
		return e, fmt.Errorf("journal entry %d: hash of the wrong length", r.seq)
	}
	copy(e.Prev[:], r.prev)
	copy(e.Hash[:], r.hash)
	return e, nil
}

// Plan is the plan that the entry carries.
func (e Entry) Plan() (Plan, error) { return DecodePlan(e.Body) }

// Outcome is what the entry says came of it.
func (e Entry) Outcome() (Outcome, error) {
	var o Outcome
	if err := json.Unmarshal(e.Body, &o); err != nil {
		return Outcome{}, fmt.Errorf("journal entry %d: %w", e.Seq, err)
	}
	if o.Result != nil {
		return o, known("result", o.Result.Version, o.Result.Kind)
	}
	return o, nil
}
