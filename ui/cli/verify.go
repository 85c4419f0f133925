package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"interdict/respond"
	"interdict/respond/evidence"
	"interdict/ui/text"
)

func (c *command) verify() *cobra.Command {
	var signers, identities []string
	var note string
	cmd := &cobra.Command{
		Use:   "verify BUNDLE",
		Short: "Prove that an evidence bundle is as it was sealed, or name what was altered",
		Long: "Read every byte of an evidence bundle, compare it with what was signed, and name the entry that was altered.\n" +
			"Who signed is believed when the key is that of this state directory, of evidence.signers, or of --signer. With --identity what is encrypted is opened and compared too.",
		Args: exactly(1, "BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := c.checkOptions(signers, identities)
			if err != nil {
				return &exit{Usage, err}
			}
			return c.verifyBundle(cmd.Context(), args[0], o, note)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&signers, "signer", nil, "file with a public key to believe, or an allowed_signers file (repeatable)")
	flags.StringArrayVarP(&identities, "identity", "i", nil, "file with a key that opens it (repeatable)")
	flags.StringVar(&note, "note", "", "write this into the custody log beside the bundle: who was given it, what for")
	flags.BoolVar(&c.json, "json", false, "one JSON document")
	return cmd
}

func (c *command) checkOptions(signers, identities []string) (evidence.CheckOptions, error) {
	o := evidence.CheckOptions{Signers: append([]string{}, c.config.Evidence.Signers...)}
	for _, path := range signers {
		b, err := os.ReadFile(path)
		if err != nil {
			return o, err
		}
		o.Signers = append(o.Signers, strings.Split(string(b), "\n")...)
	}
	if dir := c.statePath(); dir != "" {
		if _, err := os.Stat(filepath.Join(dir, respond.SignerFile)); err == nil { // reading never makes one
			s, err := respond.OpenSigner(dir)
			if err != nil {
				return o, err
			}
			o.Signers = append(o.Signers, s.Public())
		}
	}
	for _, path := range identities {
		ids, err := evidence.ReadIdentities(path)
		if err != nil {
			return o, err
		}
		o.Identities = append(o.Identities, ids...)
	}
	return o, nil
}

func (c *command) verifyBundle(ctx context.Context, path string, o evidence.CheckOptions, note string) error {
	if whole, ok := strings.CutSuffix(path, ".partial"); ok {
		return fmt.Errorf("%s was not finished, so nothing in it is signed: interdict collect --resume %s", path, whole+".partial")
	}
	check, err := evidence.CheckBundle(ctx, path, o)
	if err != nil {
		if _, there := os.Stat(path + ".partial"); errors.Is(err, fs.ErrNotExist) && there == nil {
			return fmt.Errorf("%w; it was not finished: interdict collect --resume %s.partial", err, path)
		}
		return err
	}
	if note != "" {
		if err := evidence.AddCustody(path, check.SHA256, respond.CurrentActor().String(), note); err != nil {
			return err
		}
	}
	if c.json {
		if err := c.printJSON(check); err != nil {
			return err
		}
	} else {
		c.printCheck(check)
	}
	switch {
	case !check.Whole():
		return &exit{code: Failed}
	case !check.Known:
		return &exit{code: Degraded}
	}
	return nil
}

func (c *command) printCheck(k evidence.Check) {
	say := func(label, format string, args ...any) {
		fmt.Fprintf(c.Stdout, "  %-10s %s\n", label, text.Clean(fmt.Sprintf(format, args...)))
	}
	for _, f := range k.Faults {
		fmt.Fprintf(c.Stdout, "ALTERED %s: %s\n", text.Clean(f.Entry), text.Clean(f.Why))
	}
	switch {
	case !k.Whole():
		fmt.Fprintf(c.Stdout, "NOT as it was sealed: %d faults in %d entries\n", len(k.Faults), k.Entries)
	case k.Known:
		fmt.Fprintf(c.Stdout, "whole: all %d entries are as they were sealed, by a key that is known here\n", k.Entries)
	default:
		fmt.Fprintf(c.Stdout, "whole: all %d entries are as they were sealed, but the KEY IS NOT KNOWN here: compare it with what its owner says, or name it with --signer\n", k.Entries)
	}
	h := k.Head
	say("sha256", "%s", k.SHA256)
	if k.Signer == "" {
		say("signed by", "nobody: there is no signature that holds")
	} else {
		say("signed by", "%s", k.Signer)
	}
	say("of", "%s, machine %s, boot %s", h.Host, h.Identity.HostID, h.Identity.BootID)
	if len(h.Processes) > 0 {
		say("processes", "%s", strings.Join(h.Processes, " "))
	}
	say("taken", "%s to %s by %s with %s", h.Began.UTC().Format(time.RFC3339), h.Sealed.UTC().Format(time.RFC3339), h.By, h.Tool)
	if h.Case != "" {
		say("case", "%s", h.Case)
	}
	if h.Approver != "" {
		say("approved", "by %s", h.Approver)
	}
	if h.AwareSince != nil {
		say("aware", "since %s", h.AwareSince.UTC().Format(time.RFC3339))
	}
	say("items", "%d; %d compared with what was acquired, %d encrypted and not opened; %d missing", h.Items, k.Opened, k.Sealed, h.Missing)
	if h.Partial != "" {
		say("PARTIAL", "%s", h.Partial)
	}
	for _, i := range k.Items {
		if i.Outcome != evidence.Taken && i.Outcome != evidence.Absent {
			say("missing", "%s: %s: %s", i.What, i.Outcome, i.Why)
		}
	}
	for _, l := range k.Custody {
		say("custody", "%s %s: %s", l.When.UTC().Format(time.RFC3339), l.Who, l.What)
	}
}
