package playbooks

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"interdict/respond"
)

// head is how far a console's journal was, kept where whoever can change the
// journal cannot: it is written once, and never over.
type head struct {
	V    int         `json:"v"`
	Tip  respond.Tip `json:"tip"`
	Host string      `json:"host"`
	Dir  string      `json:"directory"`
	At   time.Time   `json:"at"`
}

// Heads keeps in a store how far the journal of one state directory is.
type Heads struct {
	store   Documents
	journal *respond.Journal
	host    string
	dir     string
	kept    respond.Tip // last, by this process
}

// NewHeads makes one for the journal of a directory on a host.
func NewHeads(store Documents, j *respond.Journal, host, dir string) *Heads {
	return &Heads{store: store, journal: j, host: host, dir: dir}
}

// Keep writes how far the journal is, if it went on since.
func (h *Heads) Keep(ctx context.Context) error {
	tip, err := h.journal.Tip(ctx)
	if err != nil || tip.Seq == 0 || tip == h.kept {
		return err
	}
	body, err := json.Marshal(head{documentVersion, tip, h.host, h.dir, time.Now().UTC()})
	if err != nil {
		return err
	}
	// Refused: somebody wrote it already, perhaps something else; Compare reads what stands there.
	_, _, err = h.store.Write(ctx, HeadDocuments, fmt.Sprintf("%s-%d", tip.Journal, tip.Seq), body, "")
	if err == nil {
		h.kept = tip
	}
	return err
}

// Compare reads what the store knows of the journal of this directory, and says
// in what way it does not hold, a sentence each, and how many heads it read.
func (h *Heads) Compare(ctx context.Context) (why []string, read int, err error) {
	_, err = h.store.Changes(ctx, HeadDocuments, "", func(id, _ string, body []byte) error {
		var known head
		if err := readDocument(HeadDocuments, id, body, &known); err != nil {
			return err
		}
		if known.Host != h.host || known.Dir != h.dir {
			return nil
		}
		read++
		broken, err := h.journal.Holds(ctx, known.Tip)
		if broken != "" && len(why) < maxDropped {
			why = append(why, fmt.Sprintf("%s: %s", known.At.Format(time.RFC3339), broken))
		}
		return err
	})
	return why, read, err
}
