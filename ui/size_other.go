//go:build !unix

package ui

import (
	"context"

	"github.com/charmbracelet/x/term"
)

// watchSize does nothing: there is no signal for it here.
func watchSize(context.Context, term.File, func(w, h int)) (stop func()) { return func() {} }
