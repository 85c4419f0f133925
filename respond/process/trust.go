package process

import (
	"path"
	"strings"
)

// openPlaces are where anybody can put a program.
var openPlaces = []string{"/dev/shm/", "/tmp/", "/var/tmp/", "/run/shm/", "/dev/mqueue/"}

// systemPlaces are where only root can, as a rule.
var systemPlaces = []string{"/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/snap/", "/nix/store/", "/var/lib/rancher/"}

func below(name string, places []string) string {
	for _, p := range places {
		if strings.HasPrefix(name, p) {
			return strings.TrimSuffix(p, "/")
		}
	}
	return ""
}

// program is the name of an executable without its version: python3.11 is python.
func program(exe string) string {
	return strings.TrimRight(path.Base(exe), "0123456789.")
}

var shells = map[string]bool{"sh": true, "bash": true, "dash": true, "ash": true, "zsh": true, "ksh": true, "mksh": true,
	"fish": true, "csh": true, "tcsh": true, "busybox": true}

var interpreters = map[string]bool{"python": true, "perl": true, "ruby": true, "node": true, "php": true, "lua": true,
	"tclsh": true, "expect": true, "pwsh": true}

// invocation is an interpreter's command line taken apart.
type invocation struct {
	shell  bool
	script string // path as given
	inline string // program text given as an argument
}

// invoked takes p's command line apart; ok is false when p is no interpreter.
func invoked(p *Process) (in invocation, ok bool) {
	name := program(p.Exe)
	in.shell = shells[name]
	if !in.shell && !interpreters[name] || len(p.Args) == 0 {
		return in, false
	}
	args := p.Args[1:]
	if name == "busybox" && path.Base(p.Args[0]) == "busybox" && len(args) > 0 {
		if !shells[args[0]] {
			return in, false
		}
		args = args[1:]
	}
	in.read(args)
	return in, true
}

// read finds the script or the text. Options that take a value are known only
// as far as shells and the common interpreters have them.
func (in *invocation) read(args []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		next := func() string {
			if i+1 < len(args) {
				return args[i+1]
			}
			return ""
		}
		switch {
		case arg == "--":
			in.script = next()
			return
		case !strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "+"), arg == "-":
			in.script = strings.TrimPrefix(arg, "-")
			return
		case arg == "-f" && !in.shell:
			in.script = next()
			return
		case in.shell && !strings.HasPrefix(arg, "--") && strings.Contains(arg, "c"),
			!in.shell && (arg == "-c" || arg == "-e" || arg == "-E" || arg == "-r" || arg == "-p"):
			in.inline = next()
			return
		case in.shell && !strings.HasPrefix(arg, "--") && strings.Contains(arg, "s"), !in.shell && arg == "-m":
			return // text from the input; a module
		case arg == "-o" || arg == "+o" || arg == "-O" || arg == "--rcfile" || arg == "--init-file" || arg == "-W" || arg == "-X":
			i++
		}
	}
}

// Script is the path of the script that p, an interpreter, runs; "" when it is
// none, or runs text from its arguments or input.
func Script(p *Process) string {
	in, ok := invoked(p)
	if !ok || in.script == "" {
		return ""
	}
	if path.IsAbs(in.script) || p.Dir == "" {
		return in.script
	}
	return path.Join(p.Dir, in.script)
}

// Untrusted says why nobody vouches for what p runs; "" when nothing speaks
// against it.
func Untrusted(p *Process) string {
	switch place := below(p.Exe, openPlaces); {
	case p.Memfd:
		return "runs from memory, without a file"
	case place != "":
		return "runs from " + place
	case p.Deleted && !(p.Replaced && below(p.Exe, systemPlaces) != ""):
		return "its executable was deleted"
	}
	in, ok := invoked(p)
	if !ok {
		return ""
	}
	script := Script(p)
	switch place := below(script, openPlaces); {
	case place != "":
		return "runs a script from " + place
	case strings.HasPrefix(script, "/dev/fd/"), strings.HasPrefix(script, "/proc/"):
		return "runs a script without a name"
	}
	for _, place := range openPlaces {
		if in.shell && strings.Contains(in.inline, place) {
			return "runs a command from or in " + strings.TrimSuffix(place, "/")
		}
	}
	return ""
}
