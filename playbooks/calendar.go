package playbooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"
)

// Calendars are imported change calendars: iCalendar files that are read again
// when they change. An event's SUMMARY says what is done, LOCATION names hosts
// and groups (none: every host), ORGANIZER who announced it. It is safe for
// concurrent use.
type Calendars struct {
	Paths []string

	mu   sync.Mutex
	read map[string]calendar
}

// calendar is one file as it was read.
type calendar struct {
	modified time.Time
	size     int64
	events   []occurrence
	err      error
}

// occurrence is an event, which may come again.
type occurrence struct {
	Window
	again *rrule.RRule // nil: it happens once
	not   []time.Time  // starts that are left out
}

// maxCalendar bounds a file, in bytes.
const maxCalendar = 16 << 20

// At gives the windows that are open at a time. What could be read comes back
// even when the error, which names the file, is not nil.
func (c *Calendars) At(_ context.Context, at time.Time) (out []Window, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var wrong []error
	for _, path := range c.Paths {
		k := c.load(path)
		if k.err != nil {
			wrong = append(wrong, fmt.Errorf("change calendar %s: %w", path, k.err))
		}
		for i := range k.events {
			if w, ok := k.events[i].at(at); ok {
				out = append(out, w)
			}
		}
	}
	return out, errors.Join(wrong...)
}

// load reads a file unless it is as it was.
func (c *Calendars) load(path string) calendar {
	info, err := os.Stat(path)
	if err != nil {
		return calendar{err: err}
	}
	if k, ok := c.read[path]; ok && k.modified.Equal(info.ModTime()) && k.size == info.Size() {
		return k
	}
	f, err := os.Open(path)
	if err != nil {
		return calendar{err: err} // whoever lets it be read does not change it
	}
	defer f.Close()
	k := calendar{modified: info.ModTime(), size: info.Size()}
	k.events, k.err = readCalendar(f, path)
	if c.read == nil {
		c.read = map[string]calendar{}
	}
	c.read[path] = k
	return k
}

// readCalendar reads all events that can be read; the error names the others.
func readCalendar(r io.Reader, source string) (out []occurrence, err error) {
	limited := &io.LimitedReader{R: r, N: maxCalendar}
	var wrong []error
	for d := ical.NewDecoder(limited); ; {
		cal, err := d.Decode()
		if errors.Is(err, io.EOF) && limited.N > 0 {
			break
		}
		if limited.N == 0 {
			err = fmt.Errorf("more than %d bytes", maxCalendar)
		}
		if err != nil {
			return out, errors.Join(append(wrong, err)...)
		}
		for _, event := range cal.Events() {
			o, err := readEvent(event)
			if err != nil {
				name, _ := event.Props.Text(ical.PropSummary)
				wrong = append(wrong, fmt.Errorf("event %q: %w", short(name, 80), err))
				continue
			}
			if o.Source = source; !o.From.IsZero() {
				out = append(out, o)
			}
		}
	}
	return out, errors.Join(wrong...)
}

// readEvent gives a zero occurrence for an event that was called off.
func readEvent(event ical.Event) (o occurrence, err error) {
	if status, err := event.Status(); err != nil || status == ical.EventCancelled {
		return o, err
	}
	text := func(name string) string {
		s, textErr := event.Props.Text(name)
		err = errors.Join(err, textErr)
		return s
	}
	w := Window{What: text(ical.PropSummary), Hosts: hostNames(text(ical.PropLocation))}
	if by := event.Props.Get(ical.PropOrganizer); by != nil {
		if w.By = by.Params.Get(ical.ParamCommonName); w.By == "" {
			w.By = strings.TrimPrefix(strings.TrimPrefix(by.Value, "mailto:"), "MAILTO:")
		}
	}
	var startErr, endErr, againErr error
	w.From, startErr = event.DateTimeStart(time.UTC)
	w.To, endErr = event.DateTimeEnd(time.UTC)
	if err = errors.Join(err, startErr, endErr); err == nil {
		err = w.Check()
	}
	o.Window = w
	o.again, againErr = recurrence(event, w.From)
	for _, p := range event.Props.Values(ical.PropExceptionDates) {
		for _, value := range strings.Split(p.Value, ",") {
			one := p
			one.Value = value
			at, notErr := one.DateTime(time.UTC)
			err = errors.Join(err, notErr)
			o.not = append(o.not, at)
		}
	}
	return o, errors.Join(err, againErr)
}

// recurrence reads how an event comes again; more often than daily is no
// change window.
func recurrence(event ical.Event, start time.Time) (*rrule.RRule, error) {
	option, err := event.Props.RecurrenceRule()
	if err != nil || option == nil {
		return nil, err
	}
	if option.Freq > rrule.DAILY {
		return nil, errors.New("comes again more often than daily")
	}
	option.Dtstart = start
	return rrule.NewRRule(*option)
}

func hostNames(location string) []string {
	return strings.FieldsFunc(location, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\n' })
}

// at gives the occurrence that is open at a time.
func (o *occurrence) at(at time.Time) (Window, bool) {
	w := o.Window
	if o.again != nil {
		length := w.To.Sub(w.From)
		w.From = o.again.Before(at, true)
		w.To = w.From.Add(length)
	}
	for _, not := range o.not {
		if not.Equal(w.From) {
			return w, false
		}
	}
	return w, !w.From.IsZero() && !at.Before(w.From) && at.Before(w.To)
}
