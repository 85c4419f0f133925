package process

// Service says what kind of service p is ("web service", "job scheduler"); ""
// for none. Only a program of the system is one: a file called sshd in /tmp or
// in somebody's home is not.
func Service(p *Process) string { return master(p) }

// RootOf is where the tree of target would begin, judged by processes that were
// told of instead of looked at. A plan looks at the host itself and may differ.
func (t *Table) RootOf(target *Process) Root { return t.findRoot(target, newGuard(t, nil)) }
