package ui

import (
	"context"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/respond"
)

// Model is the console as a bubbletea model. It is used by one goroutine.
type Model struct {
	config  Config
	ctx     context.Context // ends with the program; every command has a deadline below it
	theme   *theme
	keys    keymap
	changes changes
	action  actionOf
	waits   waits
	layout  layout

	snap     *detect.Snapshot
	standing []respond.Standing // one for each operation
	raw      []respond.Standing // as the journal has it, one for each process
	looks    lookedAt           // what the hosts said of it
	still    heldFunc           // nil: stillHeld
	frozen   map[string]bool    // BOOT/PID@START of what is frozen
	blindOn  string             // why standing is not known; "" when it is
	written  int64              // entries of the journal up to this one are in standing
	reading  bool               // the journal is asked for newer ones
	ticks    int                // seconds

	shown   mode
	behind  []mode // where back leads
	panes   map[mode]pane
	overlay overlay // nil: the pane has the keys
	alerts  *alertPane
	events  *eventPane
	guides  *guides
	said    string // the last message, until the next key
	saidBad bool

	frame string // what View gave last
	dirty bool
	fresh bool // the terminal shows something else by now
}

// pane is one screen below the header.
type pane interface {
	// act does what a key means here.
	act(m *Model, a action) tea.Cmd
	// lines gives at most h lines of at most w cells.
	lines(m *Model, w, h int) []string
	// enter is called when the pane comes to the screen.
	enter(m *Model) tea.Cmd
}

// overlay takes all keys until it is closed.
type overlay interface {
	mode() mode
	key(m *Model, k tea.KeyMsg) tea.Cmd
	lines(m *Model, w, h int) []string
}

// NewModel makes the console. A theme that there is not is taken as auto; [Run]
// refuses it.
func NewModel(c Config) *Model { return newModel(context.Background(), c) }

func newModel(ctx context.Context, c Config) *Model {
	t, err := newTheme(c.Theme, c.NoColor)
	if err != nil {
		t, _ = newTheme("", c.NoColor)
	}
	m := &Model{config: c, ctx: ctx, theme: t, keys: newKeymap(c.ReadOnly), snap: &detect.Snapshot{}, shown: inAlerts, dirty: true, action: hostAction, waits: realWaits{}}
	if c.Journal != nil {
		m.changes = &journaled{Journal: c.Journal, actor: c.Actor}
	}
	m.guides = &guides{known: map[string]answered{}}
	m.alerts, m.events = newAlertPane(), newEventPane(c.Feed)
	m.panes = map[mode]pane{
		inAlerts: m.alerts, inEvents: m.events, inGuide: &guidePane{}, inHelp: &helpPane{},
		inJournal: newJournalPane(), inStanding: newStandingPane(), inQuery: newQueryPane(), inExcepted: newExceptedPane(),
		inCases: newCasesPane(), inCase: newCasePane(), inRun: &runPane{}, inWatching: &watchingPane{},
	}
	m.resize(80, 24)
	m.pull()
	return m
}

// Init begins to wait for changes.
func (m *Model) Init() tea.Cmd {
	return tea.Batch(m.waits.signal(m.ctx, m.config.Engine.Changed(), 0, changed{}), m.tick(), m.readStanding(), m.panes[inExcepted].enter(m), m.assess())
}

// Update routes. It does no I/O.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.dirty = true
	defer m.showPresence()
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.resize(msg.Width, msg.Height)
		m.fresh = true
		return m, nil
	case tea.KeyMsg:
		return m, m.typed(msg)
	case delivery:
		return m, msg.take(m)
	}
	m.dirty = false
	return m, nil
}

// delivery is a message of ours: it knows what to do with itself.
type delivery interface{ take(m *Model) tea.Cmd }

// typed takes keys one by one: on a slow line several come together, of which
// bubbletea makes one message, or a key with alt if the first of them is esc.
func (m *Model) typed(k tea.KeyMsg) tea.Cmd {
	if k.Type != tea.KeyRunes || k.Paste || len(k.Runes) < 2 && !k.Alt {
		return m.key(k)
	}
	var all []tea.Cmd
	if k.Alt {
		all = append(all, m.key(tea.KeyMsg{Type: tea.KeyEsc}))
	}
	for _, r := range k.Runes {
		one := tea.Key{Type: tea.KeyRunes, Runes: []rune{r}}
		if r == ' ' {
			one.Type = tea.KeySpace
		}
		all = append(all, m.key(tea.KeyMsg(one)))
	}
	return tea.Batch(all...)
}

func (m *Model) key(k tea.KeyMsg) tea.Cmd {
	m.say("")
	if m.overlay != nil {
		return m.overlay.key(m, k)
	}
	if k.Paste {
		return nil // a paste is text, and there is no field for it
	}
	a, ok := m.keys.find(m.shown, k.String())
	if !ok {
		return nil
	}
	m.alerts.grid.Hold() // whoever presses keys means what is on the screen
	return m.act(a)
}

// act does what works everywhere and leaves the rest to the pane.
func (m *Model) act(a action) tea.Cmd {
	switch a {
	case alerts:
		return m.show(inAlerts)
	case events:
		return m.show(inEvents)
	case journal:
		return m.show(inJournal)
	case standing:
		return m.show(inStanding)
	case ask:
		return m.show(inQuery)
	case excepts:
		return m.show(inExcepted)
	case cases:
		return m.show(inCases)
	case watching:
		return m.show(inWatching)
	case help:
		return m.show(inHelp)
	case command:
		m.overlay = newCommandLine(m)
		return nil
	case quit:
		return m.askQuit()
	case back:
		return m.back()
	case next:
		if m.shown == inAlerts {
			return m.show(inEvents)
		} else if m.shown != inGuide {
			return m.show(inAlerts)
		}
	}
	return m.panes[m.shown].act(m, a)
}

func (m *Model) show(where mode) tea.Cmd {
	if where != m.shown {
		m.behind = append(m.behind, m.shown)
		if where == inAlerts {
			m.behind = nil
		}
		m.shown = where
	}
	return m.panes[where].enter(m)
}

func (m *Model) back() tea.Cmd {
	if n := len(m.behind); n > 0 {
		m.shown, m.behind = m.behind[n-1], m.behind[:n-1]
		return m.panes[m.shown].enter(m)
	}
	if m.shown == inAlerts {
		return m.alerts.act(m, back)
	}
	return m.show(inAlerts)
}

// say puts one line where the eye is after a key.
func (m *Model) say(s string)  { m.said, m.saidBad = s, false }
func (m *Model) warn(s string) { m.said, m.saidBad = s, true }

// View gives the whole screen. While nothing changed it gives the same string
// without making it again.
func (m *Model) View() string {
	if m.dirty {
		m.frame, m.dirty = strings.Join(m.screen(), "\n"), false
	}
	return m.frame
}

// resize takes the window's size. One that does not say it, a serial line, is
// taken for the smallest of the usual ones.
func (m *Model) resize(w, h int) {
	if w <= 0 || h <= 0 {
		w, h = 80, 24
	}
	m.layout = arrange(w, h, len(m.notices(w, maxNotices)))
}

func (m *Model) screen() []string {
	m.resize(m.layout.width, m.layout.height) // notices come and go
	l := m.layout
	if l.width <= 0 || l.height <= 0 {
		return nil
	}
	if l.tiny {
		return m.tinyScreen()
	}
	out := exactly(m.header(), l.header)
	if m.overlay != nil {
		out = append(out, exactly(m.overlay.lines(m, l.width, l.body()), l.body())...)
	} else {
		out = append(out, exactly(m.panes[m.shown].lines(m, l.width, l.body()), l.body())...)
	}
	return append(out, exactly(m.footer(), l.footer)...)
}

// now is the console's clock in UTC.
func (m *Model) now() time.Time { return m.config.now().UTC() }
