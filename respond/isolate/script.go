package isolate

import (
	"bytes"
	"context"
	_ "embed" // the scripts are files, so that they can be read and checked as such
	"fmt"
	"strings"
	"time"

	"interdict/respond"
)

var (
	//go:embed scripts/common.sh
	commonText string
	//go:embed scripts/probe.sh
	probeText string
	//go:embed scripts/apply.sh
	applyText string
	//go:embed scripts/restore.sh
	restoreText string
	//go:embed scripts/prove.sh
	proveText string
	//go:embed scripts/survive.sh
	surviveText string
	//go:embed scripts/assert.sh
	assertText string
	//go:embed scripts/status.sh
	statusText string
	//go:embed scripts/release.sh
	releaseText string
	//go:embed scripts/block.sh
	blockText string
	//go:embed scripts/unblock.sh
	unblockText string
)

var (
	probeScript   = respond.Script{Name: "isolate.probe", Text: commonText + probeText, Root: true}
	applyScript   = respond.Script{Name: "isolate.apply", Text: commonText + applyText, Root: true, Limit: 40 * time.Second}
	proveScript   = respond.Script{Name: "isolate.prove", Text: commonText + surviveText + proveText, Root: true, Limit: 40 * time.Second}
	statusScript  = respond.Script{Name: "isolate.status", Text: commonText + statusText, Root: true}
	releaseScript = respond.Script{Name: "isolate.release", Text: commonText + surviveText + releaseText, Root: true, Limit: 40 * time.Second}
	blockScript   = respond.Script{Name: "isolate.block", Text: commonText + blockText, Root: true}
	unblockScript = respond.Script{Name: "isolate.unblock", Text: commonText + unblockText, Root: true}

	// What stays on the host and is run by its own timers.
	restoreFile = commonText + restoreText
	assertFile  = commonText + assertText
)

// What keeps an isolation over restarts. A firewall service that stops, also for
// a restart of the host, flushes what is ours too: its drop-in puts that back
// before the service counts as stopped.
const (
	unitFile = `[Unit]
Description=interdict: this host is isolated
Documentation=man:nft(8)
DefaultDependencies=no
After=local-fs.target nftables.service firewalld.service netfilter-persistent.service iptables.service ip6tables.service ufw.service docker.service
Before=network-pre.target
Wants=network-pre.target

[Service]
Type=oneshot
ExecStart=/bin/sh /etc/interdict/isolation/assert
LogLevelMax=warning

[Install]
WantedBy=sysinit.target
`
	dropInFile = `[Service]
ExecStartPost=-+/bin/sh /etc/interdict/isolation/assert
ExecStopPost=-+/bin/sh /etc/interdict/isolation/assert
`
	timerFile = `[Unit]
Description=interdict: put the isolation back when it was taken away

[Timer]
OnActiveSec=1s
OnUnitActiveSec=3s
AccuracySec=500ms
Unit=interdict-isolation.service

[Install]
WantedBy=timers.target
`
)

// message is the standard input of a script: values, then files.
type message struct{ bytes.Buffer }

func (m *message) value(name, v string) {
	if v != "" {
		fmt.Fprintf(m, "%s %s\n", name, v)
	}
}

func (m *message) file(name, text string) {
	fmt.Fprintf(m, "=== %s\n%s", name, text)
	if text != "" && !strings.HasSuffix(text, "\n") {
		m.WriteByte('\n')
	}
}

// facts is what a script said, by name, in order. It is hostile text.
type facts map[string][]string

const (
	factLine  = 4096 // bytes of one line; longer ones are cut
	factLines = 4000 // of one name
)

func readFacts(out []byte) facts {
	f := facts{}
	for line := range strings.SplitSeq(string(out), "\n") {
		name, value, ok := strings.Cut(line, "\t")
		if !ok || len(f[name]) >= factLines {
			continue
		}
		if name != "blocks" && name != "before" && len(value) > factLine {
			value = value[:factLine]
		}
		f[name] = append(f[name], value)
	}
	return f
}

// one is the first value of a name.
func (f facts) one(name string) string {
	if len(f[name]) == 0 {
		return ""
	}
	return strings.TrimSpace(f[name][0])
}

func (f facts) has(name, value string) bool {
	for _, v := range f[name] {
		if v == value {
			return true
		}
	}
	return false
}

// run runs a script. An error of the script itself, which it says as a fact, is
// a *scriptError.
func run(ctx context.Context, h respond.Shell, s respond.Script, data []byte) (facts, error) {
	o, err := h.Run(ctx, s, data)
	if err != nil {
		return nil, err
	}
	f := readFacts(o.Stdout)
	if code := f.one("error"); code != "" {
		return f, &scriptError{script: s.Name, code: code, detail: strings.Join(f["detail"], "; ")}
	}
	if o.Status != 0 {
		first, _, _ := strings.Cut(strings.TrimSpace(string(o.Stderr)), "\n")
		return f, fmt.Errorf("%s ended with status %d: %s", s.Name, o.Status, first)
	}
	if o.Cut {
		return f, fmt.Errorf("%s: the host wrote more than %d bytes", s.Name, respond.MaxOutput)
	}
	return f, nil
}

// scriptError is a script's own word for why it did not do what it is for.
type scriptError struct{ script, code, detail string }

var codes = map[string]string{
	"write":      "the host has no room for it or its /run is read-only",
	"busy":       "somebody else is isolating, blocking or releasing there at this moment",
	"stale":      "the host was started again, or is another one",
	"taken":      "it was isolated by somebody else meanwhile",
	"invalid":    "the host does not take the rules",
	"arm":        "no timer could be armed on the host, so nothing was loaded",
	"load":       "the rules could not be loaded",
	"restored":   "the host has restored itself",
	"gone":       "the host knows nothing of this change",
	"unproven":   "it could not be proven that the host is cut off",
	"unrestored": "NOT proven and NOT restored: take the table out by hand",
	"unheard":    "the link was cut before the host could confirm",
	"blind":      "what is loaded there could not be seen",
	"remove":     "the rules could not be taken out",
	"remains":    "rules of ours remain after they were taken out",
}

func (e *scriptError) Error() string {
	s := codes[e.code]
	if s == "" {
		s = e.code
	}
	if e.detail != "" {
		s += " (" + e.detail + ")"
	}
	return s
}
