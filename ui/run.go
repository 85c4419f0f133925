package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/term"
	"github.com/muesli/cancelreader"
)

// What the terminal is asked for, and what gives it back: the alternate screen,
// no cursor, pastes marked as such.
const (
	// GiveTerminal gives a terminal back on which the console was.
	GiveTerminal = "\x1b[0m\x1b[?2004l\x1b[?25h\x1b[?1049l"

	takeTerminal = "\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[0m\x1b[2J"
)

// Run shows the console on a terminal until the person quits, ctx ends or the
// terminal is gone, all of which are no error. The terminal is given back as it
// was. in and out must be terminals: without one there is [Plain].
func Run(ctx context.Context, c Config, in io.Reader, out io.Writer) error {
	if _, err := newTheme(c.Theme, c.NoColor); err != nil {
		return err
	}
	input, ok := in.(cancelreader.File)
	screen, ok2 := out.(term.File)
	if !ok || !ok2 || !term.IsTerminal(input.Fd()) || !term.IsTerminal(screen.Fd()) {
		return errors.New("the console wants a terminal; --plain is the same as lines")
	}
	state, err := term.MakeRaw(input.Fd())
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	defer func() { _ = term.Restore(input.Fd(), state) }() // the terminal may be gone
	ctx, gone := context.WithCancel(ctx)
	defer gone()
	m := newModel(ctx, c)
	if w, h, err := term.GetSize(screen.Fd()); err == nil {
		m.resize(w, h)
	}
	err = runOn(ctx, m, &watched{input, gone}, screen, gone)
	if err == nil {
		sayStanding(out, m)
	}
	return err
}

// runOn runs the loop between taking the terminal and giving it back.
func runOn(ctx context.Context, m *Model, in io.Reader, screen term.File, gone func()) error {
	if _, err := io.WriteString(screen, takeTerminal); err != nil {
		return nil // it is gone before anything was shown
	}
	defer io.WriteString(screen, GiveTerminal)
	painter := newPainter(screen, func(error) { gone() })
	defer func() {
		painter.close()
		select { // a stalled line must not keep the program from ending
		case <-painter.done:
		case <-time.After(time.Second):
		}
	}()
	p := tea.NewProgram(&painted{m, painter}, tea.WithInput(in), tea.WithoutRenderer(), tea.WithoutSignalHandler())
	stop := watchSize(ctx, screen, func(w, h int) { p.Send(tea.WindowSizeMsg{Width: w, Height: h}) })
	defer stop()
	// Not by WithContext, which ends without waiting for who reads the terminal.
	defer context.AfterFunc(ctx, p.Quit)()
	if _, err := p.Run(); ctx.Err() == nil {
		return err
	}
	return nil
}

// painted is the model with its painter in the place of bubbletea's renderer,
// which waits for its next frame, up to 16 ms, before it paints anything.
type painted struct {
	*Model
	painter *painter
}

// Update keeps the painter with the model.
func (p *painted) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	_, cmd := p.Model.Update(msg)
	return p, cmd
}

// View paints; after a new size everything, since nobody knows what a terminal
// makes of what stood there.
func (p *painted) View() string {
	frame := p.Model.View()
	if p.fresh {
		frame, p.fresh = repaint+frame, false
	}
	p.painter.paint(frame)
	return ""
}

// watched is a terminal whose end is noticed: bubbletea takes the end of its
// input for silence.
type watched struct {
	cancelreader.File
	gone func()
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.File.Read(b)
	if err != nil {
		w.gone()
	}
	return n, err
}

// sayStanding leaves on the shell's screen what is still held on hosts.
func sayStanding(out io.Writer, m *Model) {
	for _, s := range m.standing {
		fmt.Fprintf(out, "still %s on %s: %s. `interdict standing` lists it.\r\n", cleanWord(s.Kind), cleanWord(s.Host), cleanWord(s.Text))
	}
}
