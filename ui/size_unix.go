//go:build unix

package ui

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/charmbracelet/x/term"
)

// watchSize tells of every new size until stop is called or ctx ends.
func watchSize(ctx context.Context, screen term.File, tell func(w, h int)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-changed:
				if w, h, err := term.GetSize(screen.Fd()); err == nil {
					tell(w, h)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		signal.Stop(changed)
		cancel()
		<-done
	}
}
