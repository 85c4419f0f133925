package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"interdict/respond"
)

// Where what starts by itself or lets people in is kept: files, directories
// (of which all entries are meant, and those of drop-ins), and both below each home.
var (
	footholds = []string{
		"/etc/crontab", "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly", "/etc/anacrontab",
		"/var/spool/cron", "/var/spool/cron/crontabs", "/var/spool/cron/atjobs", "/var/spool/at",
		"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/etc/init.d", "/etc/rc.local",
		"/etc/profile", "/etc/profile.d", "/etc/bash.bashrc", "/etc/environment", "/etc/update-motd.d", "/etc/udev/rules.d",
		"/etc/ld.so.preload", "/etc/pam.d", "/etc/sudoers", "/etc/sudoers.d", "/etc/passwd", "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d",
	}
	homeFootholds = []string{
		".ssh/authorized_keys", ".ssh/authorized_keys2", ".ssh/rc", ".ssh/environment", ".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshrc", ".zshenv",
		".config/systemd/user", ".config/autostart",
	}
)

// Bounds of what is looked at.
const (
	maxEntries = 5_000 // of one directory
	maxHomes   = 1_000
	maxPasswd  = 4 << 20
)

// Footholds looks at the usual places; another directory that is configured for
// any of them is not known.
func (*Host) Footholds(ctx context.Context, since time.Time) ([]respond.Foothold, error) {
	r, err := ownRoot()
	if err != nil {
		return nil, err
	}
	defer r.close()
	return r.footholds(ctx, since)
}

func (r root) footholds(ctx context.Context, since time.Time) (out []respond.Foothold, err error) {
	homes, err := r.homes()
	all := slices.Clone(footholds)
	for _, home := range homes {
		for _, place := range homeFootholds {
			all = append(all, path.Join(home, place))
		}
	}
	wrong := []error{err}
	note := func(name string, st *unix.Stat_t, err error) {
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR): // a link that leads nowhere starts nothing
		case err != nil:
			wrong = append(wrong, err)
		case st.Mode&unix.S_IFMT == unix.S_IFREG:
			if at := r.changed(name, st); at.After(since) {
				out = append(out, respond.Foothold{Path: name, Changed: at})
			}
		}
	}
	for i, usual := 0, len(all); i < len(all); i++ {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		name := all[i]
		st, err := r.stat(name)
		if err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
			note(name, &st, err)
			continue
		}
		names, err := r.names(name, maxEntries+1)
		if len(names) > maxEntries {
			names, err = names[:maxEntries], fmt.Errorf("%s: more than %d entries", name, maxEntries)
		}
		wrong = append(wrong, err)
		for _, one := range names {
			one = path.Join(name, one)
			st, err := r.stat(one)
			note(one, &st, err)
			if err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR && i < usual && dropIns(one) {
				all = append(all, one)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b respond.Foothold) int { return b.Changed.Compare(a.Changed) })
	return out, errors.Join(wrong...)
}

// dropIns tells a directory of what adds to a unit, or is started with one.
func dropIns(name string) bool {
	return slices.Contains([]string{".d", ".wants", ".requires"}, path.Ext(name))
}

// changed is when a file was changed last, or the link that leads to it.
func (r root) changed(name string, st *unix.Stat_t) time.Time {
	at := time.Unix(st.Ctim.Unix())
	if fd, err := r.at(name, unix.O_PATH|unix.O_NOFOLLOW); err == nil {
		defer unix.Close(fd)
		var link unix.Stat_t
		if unix.Fstat(fd, &link) == nil && time.Unix(link.Ctim.Unix()).After(at) {
			return time.Unix(link.Ctim.Unix())
		}
	}
	return at
}

// homes are those that accounts name.
func (r root) homes() (out []string, err error) {
	b, err := r.read("/etc/passwd", maxPasswd)
	for line := range strings.Lines(string(b)) {
		part := strings.Split(line, ":")
		if len(part) < 6 || len(part[5]) < 2 || slices.Contains(out, part[5]) {
			continue
		}
		if len(out) >= maxHomes {
			return out, fmt.Errorf("/etc/passwd: more than %d homes", maxHomes)
		}
		out = append(out, part[5])
	}
	return out, err
}
