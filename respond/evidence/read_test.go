package evidence

import (
	"context"
	"fmt"
	"io"
)

// maxContent bounds a content that is read into memory.
const maxContent = 1 << 30

// ReadBundle gives every item that the identities open, in the order of taking.
// Check the bundle first: nothing here says whether it is as it was sealed.
func ReadBundle(path string, o CheckOptions, each func(Item, []byte) error) error {
	k, err := openBundle(path, o)
	if err != nil {
		return err
	}
	defer k.f.Close()
	k.read()
	if err := k.contents(context.Background()); err != nil {
		return err
	}
	for _, i := range k.check.Items {
		if i.Entry == "" {
			continue
		}
		r, sealed, err := k.open(plainEntry(i.Entry))
		if err != nil {
			return fmt.Errorf("%s: %w", i.Entry, err)
		}
		if sealed {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(r, min(i.Size, maxContent)))
		if err != nil {
			return fmt.Errorf("%s: %w", i.Entry, err)
		}
		if err := each(i, b); err != nil {
			return err
		}
	}
	return nil
}
