//go:build !unix

package respond

import "os"

// lockFile has no lock to take here; SQLite's own still orders the entries.
func lockFile(*os.File) error { return nil }
