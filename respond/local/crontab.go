package local

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"interdict/respond"
)

// Bounds of what is read of cron.
const (
	crontabRead  = 256 << 10
	crontabFiles = 1000
)

// crontabs are where cron looks; a directory of users' own tables gives the
// user by the file's name.
var crontabs = []struct {
	path      string
	directory bool
	users     bool
}{
	{"etc/crontab", false, false},
	{"etc/cron.d", true, false},
	{"var/spool/cron/crontabs", true, true}, // Debian
	{"var/spool/cron", true, true},          // Red Hat
	{"etc/crontabs", true, true},            // Alpine
}

// cronSchedules reads the tables below fsys. zone is the machine's, boot when
// it started. What is no schedule is passed over, as cron does.
func cronSchedules(fsys fs.FS, around, boot time.Time, zone *time.Location) ([]respond.Schedule, error) {
	var all []respond.Schedule
	var errs []error
	for _, c := range crontabs {
		names := []string{c.path}
		if c.directory {
			entries, err := fs.ReadDir(fsys, c.path)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("cron: %w", err))
			}
			names = crontabNames(c.path, entries)
		}
		for _, name := range names {
			text, err := readRegular(fsys, name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("cron: %w", err))
				continue
			}
			owner := ""
			if c.users {
				owner = path.Base(name)
			}
			all = append(all, crontab(text, "/"+name, owner, around, boot, zone)...)
		}
	}
	return all, errors.Join(errs...)
}

func crontabNames(dir string, entries []fs.DirEntry) []string {
	var names []string
	for _, e := range entries {
		name := e.Name()
		if e.Type().IsRegular() && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, "~") && len(names) < crontabFiles {
			names = append(names, path.Join(dir, name))
		}
	}
	return names
}

// readRegular never opens what is no plain file: a fifo would hold us.
func readRegular(fsys fs.FS, name string) (string, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", &fs.PathError{Op: "read", Path: name, Err: errors.New("is no regular file")}
	}
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, crontabRead))
	return string(b), err
}

// crontab reads one table; owner is "" where each line names its user.
func crontab(text, source, owner string, around, boot time.Time, zone *time.Location) []respond.Schedule {
	var all []respond.Schedule
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if name, value, ok := assignment(line); ok {
			if loc, err := time.LoadLocation(value); name == "CRON_TZ" && err == nil {
				zone = loc
			}
			continue
		}
		spec, rest, err := parseCron(line)
		if err != nil {
			continue
		}
		s := respond.Schedule{Source: fmt.Sprintf("%s:%d", source, number), User: owner, Command: rest}
		if owner == "" {
			s.User, s.Command = cutField(rest)
		}
		if spec.reboot {
			s.Last = boot
		} else {
			s.Last, s.Next = spec.around(around.In(zone), respond.Near)
		}
		if s.Command != "" && s.Distance(around) <= respond.Near {
			all = append(all, s)
		}
	}
	return all
}

// assignment reads NAME = value, quotes taken off.
func assignment(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line, "=")
	name = strings.TrimSpace(name)
	if !ok || strings.ContainsAny(name, " \t*/@") || name == "" {
		return "", "", false
	}
	return name, strings.Trim(strings.TrimSpace(value), `"'`), true
}
