package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/sources/ecs"
	"interdict/ui/text"
)

// ciAudit finds the lines of a change that bring transfer tools in.
func (c *command) ciAudit() *cobra.Command {
	var base string
	var all bool
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Find the lines of a change that bring transfer tools in; 10 when there are some",
		Long:  "audit looks at the lines that were added since --base in scripts and pipeline files, and names for each the commit.\nWithout --base it takes the branch that the change is for, as the build job's environment says, or the default branch.",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if all && base != "" {
				return usage("--all looks at everything: leave out --base")
			}
			return c.runAudit(cmd.Context(), base, all)
		},
	}
	cmd.Flags().StringVar(&base, "base", "", "revision to compare with")
	cmd.Flags().BoolVar(&all, "all", false, "all lines of all scripts and pipeline files, not those of the change alone")
	return cmd
}

func (c *command) runAudit(ctx context.Context, base string, all bool) error {
	look := func() ([]changedLine, error) { return c.changedLines(ctx, base, playbooks.PipelineOf(os.Environ())) }
	if all {
		look = func() ([]changedLine, error) { return allLines(ctx) }
	}
	lines, err := look()
	if err != nil {
		return err
	}
	for i := range lines {
		lines[i].commit = commitOf(ctx, lines[i].file, lines[i].number)
		fmt.Fprintln(c.results(), text.Clean(lines[i].String()))
	}
	if len(lines) > 0 {
		return &exit{code: Alerted}
	}
	return nil
}

// changedLine is a line that names a transfer tool.
type changedLine struct {
	file   string
	number int
	tool   string
	text   string
	commit string // "" unknown
}

func (l changedLine) String() string {
	s := fmt.Sprintf("%s:%d: %s: %s", l.file, l.number, l.tool, text.Fit(strings.TrimSpace(l.text), 200))
	if l.commit != "" {
		s += " (" + l.commit + ")"
	}
	return s
}

// brought tells whether the line may be what started a finding's tool.
func (l changedLine) brought(f *detect.Finding) bool {
	if f.Transfer == nil {
		return l.tool == f.Process.Name
	}
	return l.tool == f.Transfer.Tool.Name || l.tool == f.Transfer.Tool.Tool
}

const gitLimit = time.Minute

// git runs it so that nothing that the repository configures is run by it.
func git(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, gitLimit)
	defer cancel()
	fixed := []string{"-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "diff.external=", "-c", "core.quotePath=false", "--no-pager"}
	cmd := exec.CommandContext(ctx, "git", append(fixed, args...)...)
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	var errs bytes.Buffer
	cmd.Stderr, cmd.WaitDelay = &errs, time.Second
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return out, nil
}

// revision gives the commit that a name stands for.
func revision(ctx context.Context, name string) (string, error) {
	out, err := git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("there is no revision %q here", name)
	}
	return strings.TrimSpace(string(out)), nil
}

// baseOf is what a change is compared with.
func baseOf(ctx context.Context, named string, p playbooks.Pipeline) (string, error) {
	if named != "" {
		return revision(ctx, named)
	}
	var tried []string
	if p.Base != "" {
		tried = append(tried, "origin/"+p.Base, p.Base)
	}
	for _, name := range append(tried, "origin/HEAD", "origin/main", "origin/master") {
		if base, err := revision(ctx, name); err == nil {
			return base, nil
		}
	}
	return "", errors.New("what the change is to be compared with is not known: name it with --base, and fetch it (a shallow clone lacks it)")
}

// changedLines are the lines with tools that were added since base.
func (c *command) changedLines(ctx context.Context, base string, p playbooks.Pipeline) ([]changedLine, error) {
	from, err := baseOf(ctx, base, p)
	if err != nil {
		return nil, err
	}
	if out, err := git(ctx, "merge-base", from, "HEAD"); err == nil {
		from = strings.TrimSpace(string(out))
	}
	out, err := git(ctx, "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--unified=0", "--diff-filter=AMR", "--src-prefix=a/", "--dst-prefix=b/", from, "--")
	up, upErr := git(ctx, "rev-parse", "--show-cdup") // git names what changed from the top
	if err = errors.Join(err, upErr); err != nil {
		return nil, err
	}
	lines := addedLines(out)
	for i := range lines {
		lines[i].file = strings.TrimSpace(string(up)) + lines[i].file
	}
	return lines, nil
}

var hunk = regexp.MustCompile(`^@@ -[0-9,]+ \+([0-9]+)`)

// addedLines reads a diff without context.
func addedLines(diff []byte) (out []changedLine) {
	file, number := "", 0
	header := false // between "diff" and the first hunk a line that begins with +++ is no content
	for l := range strings.Lines(string(diff)) {
		line := strings.TrimSuffix(l, "\n")
		switch {
		case strings.HasPrefix(line, "diff --git "):
			header, file = true, ""
		case header && strings.HasPrefix(line, "+++ "):
			file = strings.TrimPrefix(strings.Trim(strings.TrimSuffix(line[4:], "\t"), `"`), "b/")
		case hunk.MatchString(line):
			header = false
			number, _ = strconv.Atoi(hunk.FindStringSubmatch(line)[1])
		case !header && strings.HasPrefix(line, "+"):
			out = append(out, toolIn(file, number, line[1:])...)
			number++
		}
	}
	return out
}

// allLines are those of all files that git knows.
func allLines(ctx context.Context) (out []changedLine, err error) {
	names, err := git(ctx, "ls-files", "-z")
	if err != nil {
		return nil, err
	}
	for _, name := range strings.Split(string(names), "\x00") {
		info, err := os.Lstat(name)
		if name == "" || err != nil || !info.Mode().IsRegular() || info.Size() > maxScript || document(name) {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if bytes.IndexByte(b[:min(len(b), 8000)], 0) >= 0 {
			continue
		}
		for i, line := range strings.Split(string(b), "\n") {
			out = append(out, toolIn(name, i+1, line)...)
		}
	}
	return out, nil
}

// document tells documents, in which a tool's name is only a word.
func document(file string) bool {
	switch strings.ToLower(path.Ext(file)) {
	case ".md", ".rst", ".txt", ".adoc", ".html", ".po", ".svg", ".lock", ".sum", ".csv":
		return true
	}
	return false
}

// toolIn gives a line if it names a tool that moves files: curl and wget only
// where they send, ssh and the like only where something is piped through them.
func toolIn(file string, number int, line string) []changedLine {
	if document(file) {
		return nil
	}
	code := playbooks.WithoutComment(line)
	if strings.Contains(code, "/dev/tcp/") || strings.Contains(code, "/dev/udp/") {
		return []changedLine{{file: file, number: number, tool: "/dev/tcp", text: line}}
	}
	for _, t := range ecs.Tools() {
		if !playbooks.HasWord(code, t.Name) || !t.Always && !moves(t.Name, code) {
			continue
		}
		return []changedLine{{file: file, number: number, tool: t.Name, text: line}}
	}
	return nil
}

// moves tells whether a line uses a tool of many uses to move data.
func moves(tool, line string) bool {
	words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\"'();|&", r) })
	at := slices.IndexFunc(words, func(w string) bool { return path.Base(w) == tool })
	if at < 0 {
		return false
	}
	rest := strings.Join(words[at+1:], " ")
	switch tool {
	case "curl", "wget":
		return detect.Uploads(words[at:])
	case "aws":
		return strings.Contains(rest, "s3 cp") || strings.Contains(rest, "s3 sync") || strings.Contains(rest, "s3 mv") || strings.Contains(rest, "put-object")
	case "az":
		return strings.Contains(rest, "upload")
	case "gcloud":
		return strings.Contains(rest, "storage cp") || strings.Contains(rest, " scp") || strings.HasPrefix(rest, "scp")
	case "kubectl":
		return playbooks.HasWord(rest, "cp")
	case "openssl":
		return playbooks.HasWord(rest, "s_client")
	case "ssh":
		return strings.ContainsAny(line, "<|")
	}
	return true // nc, socat: there is no other use
}

// commitOf is who brought a line in: "3f2a1b0c9d Ana: publish by hand"; "" when it
// is not committed.
func commitOf(ctx context.Context, file string, line int) string {
	out, err := git(ctx, "blame", "--porcelain", fmt.Sprintf("-L%d,%d", line, line), "--", file)
	if err != nil {
		return ""
	}
	commit, rest, _ := strings.Cut(string(out), " ")
	if strings.Trim(commit, "0") == "" {
		return "not committed"
	}
	author, summary := "", ""
	for l := range strings.Lines(rest) {
		if a, ok := strings.CutPrefix(l, "author "); ok {
			author = strings.TrimSpace(a)
		}
		if s, ok := strings.CutPrefix(l, "summary "); ok {
			summary = strings.TrimSpace(s)
		}
	}
	return fmt.Sprintf("%.10s %s: %s", commit, author, text.Fit(summary, 80))
}
