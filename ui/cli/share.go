package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"interdict/playbooks"
	"interdict/respond"
)

// lookFor is how long a command waits for the store before it goes on with what is here.
const lookFor = 10 * time.Second

// share has what people say shared through the store of the configuration, if
// there is one. What is wrong with that is said and ends nothing.
func (c *command) share(ctx context.Context, s *state) {
	if c.config.Store == "" || s.cases == nil {
		return
	}
	err := c.openShared(ctx, s)
	if err != nil {
		s.notes = append(s.notes, fmt.Sprintf("cases are NOT SHARED, what is said stays on this machine: %v", err))
	}
}

func (c *command) openShared(ctx context.Context, s *state) error {
	_, name, _ := strings.Cut(c.config.Store, ":")
	cluster, err := c.cluster(ctx, name)
	if err != nil {
		return err
	}
	store, closer, err := c.Store(cluster)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	s.closers = append(s.closers, closer.Close)
	s.heads = playbooks.NewHeads(store, s.journal, host, s.dir)
	s.sharing = s.cases.Share(store)
	s.sharing.Also(s.heads.Keep)
	s.present = playbooks.NewPresence(store, host, s.dir, respond.CurrentActor().User)
	return nil
}

// shared is share for a command that ends at once: f runs over what others said,
// and what it says is sent. When that does not work it is told.
func (c *command) shared(ctx context.Context, s *state, f func(*state) error) error {
	c.share(ctx, s)
	c.look(ctx, s)
	c.tell(s)
	told := len(s.notes)
	err := f(s)
	if told == 0 { // else it was said already
		c.look(ctx, s)
		c.tell(s)
	}
	return err
}

func (c *command) look(ctx context.Context, s *state) {
	if s.sharing == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	if err := s.sharing.Look(ctx); err != nil {
		s.notes = append(s.notes, fmt.Sprintf("what others said is not seen, what is said here is sent later: %v", err))
	}
}
