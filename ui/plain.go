package ui

import (
	"context"
	"io"

	"interdict/ui/text"
)

// Plain tells the same as lines.
func Plain(ctx context.Context, c Config, in io.Reader, out io.Writer) error { return nil }

func cleanWord(s string) string { return text.Clean(s) }
