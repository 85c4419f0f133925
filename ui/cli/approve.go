package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"interdict/respond"
	"interdict/ui"
	"interdict/ui/text"
)

// mostProposal bounds a document that is read, in bytes.
const mostProposal = 64 << 20

// propose writes what was planned for a second person.
func (r *fleetRun) propose(ready []*respond.Member) error {
	document, err := respond.Propose(me(), r.why, ready)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.flags.save, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) // somebody else reads it
	if err != nil {
		return err
	}
	if _, err = f.Write(document); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	fmt.Fprintf(r.Stderr, "Nothing was changed. The plan of %s is in %s, SHA-256 %s.\nA second person runs `interdict approve %s`; then `interdict apply %s`, within %s.\n",
		hostCount(len(ready)), text.Clean(r.flags.save), respond.SumOf(document), text.Clean(r.flags.save), text.Clean(r.flags.save), respond.ProposalTime)
	return errSaved
}

// me is who acts, and the keys at hand: in the agent and in ~/.ssh.
func me() respond.Person {
	p := respond.Person{Actor: respond.CurrentActor()}
	add := func(k ssh.PublicKey) {
		if print := ssh.FingerprintSHA256(k); !slices.Contains(p.Keys, print) {
			p.Keys = append(p.Keys, print)
		}
	}
	if held, err := agentSigners(); err == nil {
		for _, s := range held {
			add(s.PublicKey())
		}
	}
	home, _ := os.UserHomeDir()
	files, _ := filepath.Glob(filepath.Join(home, ".ssh", "*.pub")) // a constant pattern
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil {
			if k, _, _, _, err := ssh.ParseAuthorizedKey(b); err == nil {
				add(k)
			}
		}
	}
	return p
}

func agentSigners() ([]ssh.Signer, error) {
	path := os.Getenv("SSH_AUTH_SOCK")
	if path == "" {
		return nil, errors.New("no ssh agent (SSH_AUTH_SOCK)")
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(time.Minute)) // a touch on a security key included
	return agent.NewClient(c).Signers()
}

func (c *command) approveCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "approve FILE",
		Short: "Approve, as a second person, what somebody else planned with --save",
		Long: "Show the plan in FILE and sign it with your SSH key: FILE.sig, the same as `ssh-keygen -Y sign -n interdict -f KEY FILE`.\n" +
			"It counts when the key is in the configuration's file of signers and is none of who acts.",
		Args: exactly(1, "the FILE that --save wrote"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.runApprove(cmd.Context(), args[0], key) },
	}
	cmd.Flags().StringVar(&key, "key", "", "private key file, or public half of a key in the agent; else the first key of the agent that is in the list")
	cmd.Flags().BoolVar(&c.yes, "yes", false, "do not ask")
	return cmd
}

func (c *command) runApprove(ctx context.Context, path, key string) error {
	document, p, err := readProposal(path)
	if err != nil {
		return err
	}
	signers, err := c.signers()
	if err != nil {
		return err
	}
	c.showProposal(document, p)
	signer, err := c.signerKey(ctx, key, signers)
	if err != nil {
		return err
	}
	if err := c.confirm("Sign it with " + ssh.FingerprintSHA256(signer.PublicKey()) + "?"); err != nil {
		return err
	}
	signature, err := respond.Sign(signer, document)
	if err != nil {
		return err
	}
	// Who signs has keys of their own at hand: only those of who planned must differ.
	by, err := signers.Approve(document, signature, p.By)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".sig", signature, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(c.Stdout, "approved by %s, key %s: %s\n", text.Clean(by.By), by.Key, text.Clean(path+".sig"))
	return nil
}

func readProposal(path string) ([]byte, respond.Proposal, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, respond.Proposal{}, err
	}
	if info.Size() > mostProposal {
		return nil, respond.Proposal{}, fmt.Errorf("%s: too large for a plan", path)
	}
	document, err := os.ReadFile(path)
	if err != nil {
		return nil, respond.Proposal{}, err
	}
	p, err := respond.ReadProposal(document, time.Now())
	return document, p, err
}

// showProposal shows all that is signed: every plan whole.
func (c *command) showProposal(document []byte, p respond.Proposal) {
	fmt.Fprintf(c.Stderr, "Planned by %s at %s, counts until %s. SHA-256 %s\n", text.Clean(p.By.Actor.String()), p.Made.UTC().Format(time.RFC3339), p.Until.UTC().Format(time.RFC3339), respond.SumOf(document))
	if len(p.Why) > 0 {
		fmt.Fprintf(c.Stderr, "Needs a second person: %s\n", text.Clean(strings.Join(p.Why, "; ")))
	}
	for _, plan := range p.Plans {
		fmt.Fprintf(c.Stderr, "\n%s: ", text.Clean(plan.Host))
		c.printPlan(plan)
	}
}

// signerKey finds the key to sign with.
func (c *command) signerKey(ctx context.Context, path string, signers respond.Signers) (ssh.Signer, error) {
	if path == "" {
		held, err := agentSigners()
		for _, s := range held {
			if _, no := signers.Who(s.PublicKey()); no == nil {
				return s, nil
			}
		}
		return nil, errors.Join(errors.New("no key of the agent is in the list of signers: name one with --key"), err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if pub, _, _, _, err := ssh.ParseAuthorizedKey(b); err == nil {
		held, err := agentSigners()
		for _, s := range held {
			if string(s.PublicKey().Marshal()) == string(pub.Marshal()) {
				return s, nil
			}
		}
		return nil, errors.Join(fmt.Errorf("%s is a public key that the agent does not have", path), err)
	}
	s, err := ssh.ParsePrivateKey(b)
	var locked *ssh.PassphraseMissingError
	if !errors.As(err, &locked) {
		return s, err
	}
	passphrase, err := c.asker.Secret(ctx, respond.SecretQuestion{Host: "here", For: "passphrase of " + path})
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	return ssh.ParsePrivateKeyWithPassphrase(b, passphrase)
}

func (c *command) apply() *cobra.Command {
	f := &fleetFlags{}
	cmd := &cobra.Command{
		Use:   "apply FILE",
		Short: "Carry out what was planned with --save, once a second person approved it",
		Long:  "Carry out the plan in FILE, exactly as it was approved: FILE.sig is the signature of a second person, and hosts that are no longer as they were planned are refused.",
		Args:  exactly(1, "the FILE that --save wrote"),
		RunE:  func(cmd *cobra.Command, args []string) error { return c.runApply(cmd.Context(), f, args[0]) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&c.yes, "yes", false, "do not ask; a refusal stays a refusal")
	flags.BoolVar(&c.json, "json", false, "what became of each host, one JSON document a line")
	flags.IntVar(&f.parallel, "parallel", 0, "hosts that are worked on at once (default 256)")
	flags.DurationVar(&f.limit, "host-limit", 4*time.Minute, "time for each host's change")
	return cmd
}

func (c *command) runApply(ctx context.Context, f *fleetFlags, path string) error {
	document, p, err := readProposal(path)
	if err != nil {
		return err
	}
	names, inventory, err := c.names(ctx, f, p.Hosts())
	if err != nil {
		return err
	}
	level, why := c.rights().Demand(p.Plans[0].Kind, inventory, c.config.Environment, names)
	r := &fleetRun{command: c, flags: f, inventory: inventory, level: level, why: why, fixed: true}
	if level == respond.Second {
		if r.approval, err = c.approvalOf(document, path, p); err != nil {
			return err
		}
	}
	for _, plan := range p.Plans {
		action, ok := actionOf(plan)
		if !ok {
			return fmt.Errorf("%s: kind %s is not known here", path, text.Clean(plan.Kind))
		}
		r.members = append(r.members, &respond.Member{Name: plan.Host, Action: action, Plan: plan,
			Find: func(ctx context.Context) (respond.Host, error) { return c.Host(ctx, plan.Host) }})
	}
	if r.state, err = c.makeState(ctx); err != nil {
		return err
	}
	defer r.state.close()
	if r.approval != nil {
		body, err := json.Marshal(map[string]string{"document": string(document), "signature": r.approval.Signature, "by": r.approval.By})
		if err != nil {
			return err
		}
		if _, err := r.state.journal.Append(ctx, respond.Entry{Op: respond.NewOp(), Actor: respond.CurrentActor(), Kind: "fleet.approval", Phase: respond.Approved, Body: body}); err != nil {
			return err
		}
	}
	var approve func([]*respond.Member) error
	if !c.yes {
		approve = r.approve
	}
	return r.do(ctx, respond.CurrentActor(), approve)
}

// approvalOf checks the signature beside the document.
func (c *command) approvalOf(document []byte, path string, p respond.Proposal) (*respond.Approval, error) {
	signers, err := c.signers()
	if err != nil {
		return nil, err
	}
	signature, err := os.ReadFile(path + ".sig")
	if err != nil {
		return nil, respond.Refuse(respond.CodeNotSigned, "nobody approved it: %s.sig is not there; a second person runs `interdict approve %s`", path, path)
	}
	return signers.Approve(document, signature, p.By, me())
}

// actionOf makes the action that a plan is of, with those that come before it.
func actionOf(p respond.Plan) (respond.Action, bool) {
	a, ok := ui.ActionOf(p.Kind)
	if !ok || len(p.First) == 0 {
		return a, ok
	}
	pre := &respond.Preceded{Action: a}
	for _, f := range p.First {
		if first, ok := ui.ActionOf(f.Kind); ok {
			pre.First = append(pre.First, first)
		}
	}
	return pre, true
}
