package evidence

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"interdict/respond"
)

//go:embed scripts/collect.sh
var collectText string

// collect is the one script; what it is to take is its standard input.
func collect(limit time.Duration) respond.Script {
	return respond.Script{Name: "evidence.collect", Text: collectText, Root: true, Limit: limit}
}

// stream has the script answer the requests, which the sink is told as they come.
func stream(ctx context.Context, h respond.Streamer, limit time.Duration, requests []request, to sink) (whole bool, stderr map[string]string, err error) {
	word := newWord()
	var data strings.Builder
	data.WriteString(word + "\n")
	for _, r := range requests {
		data.WriteString(r.line() + "\n")
	}
	d := newDemux(word, to)
	out, err := h.Stream(ctx, collect(limit), []byte(data.String()), d)
	whole, broken := d.close()
	if broken != nil {
		err = broken
	}
	if err == nil && !whole {
		err = fmt.Errorf("the script ended before its time, with %d: %w", out.Status, io.ErrUnexpectedEOF)
	}
	return whole, complaints(out.Stderr, word), err
}

// newWord is what separates frames: nobody can write it who does not know it.
func newWord() string {
	b := make([]byte, 16)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// complaints takes apart what was written to standard error, by frame.
func complaints(b []byte, word string) map[string]string {
	const keep = 400 // bytes of one
	all := map[string]string{}
	for _, part := range strings.Split(string(b), "\n#"+word+" ")[1:] {
		id, text, _ := strings.Cut(part, "\n")
		if text = strings.TrimSpace(text); text != "" {
			all[id] = strings.ToValidUTF8(text[:min(len(text), keep)], "?")
		}
	}
	return all
}
