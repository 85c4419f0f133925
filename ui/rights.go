package ui

import (
	"interdict/respond"
)

// typed tells whether a change there wants the host's name typed.
func (c Config) typed(environment, kind string) bool {
	return c.Rights.Level(environment, kind) >= respond.Typed
}

// second refuses what one person may not do from a screen.
func (c Config) second(host, environment, kind string) error {
	if c.Rights.Level(environment, kind) < respond.Second {
		return nil
	}
	return respond.Refuse("second-person", "in %s a %s needs a second person: on the command line `interdict %s %s … --save FILE` plans it, somebody else runs `interdict approve FILE`, then `interdict apply FILE` does it",
		environment, respond.Verb(kind), respond.Verb(kind), host)
}
