package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"interdict/playbooks"
	"interdict/respond"
	"interdict/ui"
	"interdict/ui/report"
)

func (c *command) caseReport() *cobra.Command {
	format, out := "", ""
	formats := strings.Join(slices.Sorted(maps.Keys(report.Formats)), " or ")
	cmd := &cobra.Command{Use: "report ID", Short: "Write a case down, as Markdown or as one HTML file, fit to send", Args: exactly(1, "a case, as INC-0012"),
		Long: "What happened, what left, how sure that is, what was done and proven, what is not known and what remains to do.\nSecrets in arguments are hidden by their form; look through it before it is sent.",
		RunE: func(cmd *cobra.Command, args []string) error {
			write, ok := report.Formats[format]
			if !ok {
				return usage("--format %q: is %s", format, formats)
			}
			return c.writeCase(cmd.Context(), args[0], out, write)
		}}
	cmd.Flags().StringVar(&format, "format", "md", formats)
	cmd.Flags().StringVar(&out, "out", "", "a new file instead of standard output")
	return cmd
}

func (c *command) caseExport() *cobra.Command {
	format, out := "", ""
	formats := strings.Join(slices.Sorted(maps.Keys(playbooks.CaseFormats)), " or ")
	cmd := &cobra.Command{Use: "export ID", Short: "Write a case for other programs: ECS documents, or a STIX 2.1 bundle", Args: exactly(1, "a case, as INC-0012"),
		RunE: func(cmd *cobra.Command, args []string) error {
			write, ok := playbooks.CaseFormats[format]
			if !ok {
				return usage("--format %q: is %s", format, formats)
			}
			return c.writeCase(cmd.Context(), args[0], out, write)
		}}
	cmd.Flags().StringVar(&format, "format", "ecs", formats)
	cmd.Flags().StringVar(&out, "out", "", "a new file instead of standard output")
	return cmd
}

// writeCase makes the report of a case and has it written to a new file or to standard output.
func (c *command) writeCase(ctx context.Context, id, out string, write func(io.Writer, *playbooks.Report) error) error {
	return c.withCase(ctx, id, func(s *state, b *playbooks.Brief) error {
		standing, doubt := s.journal.Standing(ctx)
		r, err := s.cases.Report(ctx, *b, standing, doubtOf(doubt), respond.CurrentActor().User, "interdict "+c.Version)
		if err != nil {
			return err
		}
		if out == "" {
			return write(c.results(), r)
		}
		if err := ui.WriteNew(out, func(w io.Writer) error { return write(w, r) }); err != nil {
			return err
		}
		fmt.Fprintln(c.Stderr, "written to "+out)
		return nil
	})
}
