package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"interdict/respond"
	"interdict/ui/text"
)

// RightsConfig is what an environment asks before a change: asked, typed or second.
type RightsConfig struct {
	Freeze  string   `toml:"freeze"`
	Block   string   `toml:"block"`
	Isolate string   `toml:"isolate"`
	Kill    string   `toml:"kill"`
	Alone   []string `toml:"alone"` // what may be done without a person, where a host's allow says so too: freeze, block
}

func (r RightsConfig) levels() (map[string]respond.Level, error) {
	out := map[string]respond.Level{}
	for verb, text := range map[string]string{"freeze": r.Freeze, "block": r.Block, "isolate": r.Isolate, "kill": r.Kill} {
		if text == "" {
			continue
		}
		level, err := respond.ParseLevel(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", verb, err)
		}
		out[verb] = level
	}
	for _, verb := range r.Alone {
		if verb != "freeze" && verb != "block" {
			return nil, fmt.Errorf("alone: %q: only freeze and block may ever be done without a person", verb)
		}
	}
	return out, nil
}

// checkRights reads the levels, and the names of the environments.
func (c Config) checkRights() error {
	for environment, r := range c.Rights {
		if !slices.Contains([]string{"ci", "staging", "production"}, environment) {
			return usage("rights.%s: the environments are ci, staging and production", environment)
		}
		if _, err := r.levels(); err != nil {
			return usage("rights.%s.%v", environment, err)
		}
	}
	if c.Fleet.Parallel < 0 || c.Fleet.Hosts < 0 || c.Fleet.Percent < 0 || c.Automation.PerHour < 0 {
		return usage("fleet, automation: their numbers are not negative")
	}
	return nil
}

// rights are those of the configuration, which was checked.
func (c *command) rights() respond.Rights {
	r := respond.Rights{Levels: map[string]map[string]respond.Level{}, Hosts: c.config.Fleet.Hosts, Percent: c.config.Fleet.Percent, Groups: c.config.Fleet.Groups}
	for environment, config := range c.config.Rights {
		r.Levels[environment], _ = config.levels()
	}
	return r
}

// wantsSecond refuses what one person may not do, and says how two can.
func (c *command) wantsSecond(why []string) error {
	text := "this needs a second person: " + strings.Join(why, "; ") + ". Write the plan with --save FILE, have somebody else run `interdict approve FILE`, then run `interdict apply FILE`"
	if c.config.Signers == "" {
		text += ". Nobody can approve yet: the configuration names no file of signers (signers = \"/etc/interdict/allowed_signers\")"
	}
	return respond.Refuse("second-person", "%s", text)
}

// signers reads who may approve.
func (c *command) signers() (respond.Signers, error) {
	if c.config.Signers == "" {
		return nil, respond.Refuse("no-signers", "the configuration names no file of people who may approve: signers = \"/etc/interdict/allowed_signers\", in the form of ssh-keygen's allowed_signers")
	}
	b, err := os.ReadFile(c.config.Signers)
	if err != nil {
		return nil, fmt.Errorf("signers: %w", err)
	}
	all, err := respond.ReadSigners(b)
	if err != nil {
		return nil, fmt.Errorf("signers: %s: %w", c.config.Signers, err)
	}
	return all, nil
}

// confirmWord asks for a word that --yes does not answer.
func (c *command) confirmWord(question, word string) error {
	fmt.Fprint(c.Stderr, text.Clean(question))
	line, _ := bufio.NewReader(c.Stdin).ReadString('\n')
	if strings.TrimSpace(line) == word {
		return nil
	}
	return &exit{Refused, errors.New("not confirmed, nothing was changed: --yes does not answer this")}
}
