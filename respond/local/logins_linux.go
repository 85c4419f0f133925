package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"interdict/respond"
)

// Logins reads wtmp and, for who is logged in now, systemd-logind's sessions
// or utmp. That no record was kept is an error, not an empty answer.
func (*Host) Logins(ctx context.Context, from, to time.Time) ([]respond.Login, error) {
	layout := layoutOf(runtime.GOARCH)
	logins, err := readWtmp(layout, "/var/log/wtmp", from, to)
	wtmpMissing := errors.Is(err, fs.ErrNotExist)
	now, nowErr := currentLogins(layout, from, to)
	for _, l := range now {
		if !known(logins, l) {
			logins = append(logins, l)
		}
	}
	switch {
	case wtmpMissing && nowErr != nil:
		return logins, errors.New("this machine keeps no record of logins (no wtmp, no utmp, no logind)")
	case wtmpMissing:
		return logins, errors.New("no record of past logins (no wtmp): only who is logged in now is known")
	}
	return logins, errors.Join(err, ctx.Err())
}

func readWtmp(layout utmpLayout, path string, from, to time.Time) ([]respond.Login, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("logins: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("logins: %w", err)
	}
	logins, since, err := layout.wtmp(f, info.Size(), from, to)
	if err != nil {
		return nil, fmt.Errorf("logins: %w", err)
	}
	if !since.IsZero() && since.After(from) {
		return logins, fmt.Errorf("logins: the records begin at %s only", since.UTC().Format(time.RFC3339))
	}
	return logins, nil
}

// currentLogins asks logind's files first: newer systems keep no utmp.
func currentLogins(layout utmpLayout, from, to time.Time) ([]respond.Login, error) {
	if names, err := filepath.Glob("/run/systemd/sessions/*"); err == nil && len(names) > 0 {
		var all []respond.Login
		for _, name := range names {
			if b, err := os.ReadFile(name); err == nil { // else the session has ended
				if l, ok := parseSession(string(b)); ok {
					all = append(all, l)
				}
			}
		}
		return overlapping(all, from, to), nil
	}
	for _, path := range []string{"/run/utmp", "/var/run/utmp"} {
		logins, err := readWtmp(layout, path, from, to)
		if err == nil || logins != nil {
			return logins, nil
		}
	}
	return nil, fs.ErrNotExist
}

// parseSession reads logind's file of a session: people only, not cron's.
func parseSession(text string) (respond.Login, bool) {
	field := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			field[key] = value
		}
	}
	us, err := strconv.ParseInt(field["REALTIME"], 10, 64)
	if err != nil || field["CLASS"] != "user" || field["SERVICE"] == "cron" || field["SERVICE"] == "crond" {
		return respond.Login{}, false
	}
	return respond.Login{User: field["USER"], Line: field["TTY"], From: field["REMOTE_HOST"], In: time.UnixMicro(us)}, true
}

// known tells whether wtmp told of the session already; both note the moment,
// some seconds apart.
func known(logins []respond.Login, l respond.Login) bool {
	for _, k := range logins {
		if k.User == l.User && (k.Line == l.Line || l.Line == "") && k.In.Sub(l.In).Abs() < 10*time.Second {
			return true
		}
	}
	return false
}
