package process

import (
	"context"
	"slices"
	"testing"

	"interdict/respond"
)

// paper is a machine whose tables and pidfds a test writes.
type paper struct {
	Machine
	table *Table
	gone  map[int]bool
}

func (m *paper) Processes(context.Context) (*Table, error) { return m.table, nil }

func (m *paper) Signal(_ context.Context, _ Signal, ids ...respond.ProcessID) ([]Outcome, error) {
	var out []Outcome
	for _, id := range ids {
		out = append(out, Outcome{ID: id, Sent: !m.gone[id.PID], Gone: m.gone[id.PID]})
	}
	return out, nil
}

func members(t *testing.T, s *scope, m Machine) []int {
	t.Helper()
	_, found, err := s.members(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, p := range found {
		pids = append(pids, p.ID.PID)
	}
	return pids
}

func TestATreeIsReadTopDownWithOrphansOfItsSessions(t *testing.T) {
	orphan := with(made(50, 1, "/bin/sleep", ""), func(p *Process) { p.Session = 20 })
	m := &paper{table: NewTable([]Process{made(1, 0, "/sbin/init", ""), made(40, 30, "/bin/c", ""), made(30, 20, "/bin/b", ""),
		made(20, 1, "/bin/a", ""), orphan, made(60, 50, "/bin/d", ""), made(70, 1, "/bin/else", "")})}
	root := m.table.Number(20).ID
	if got := members(t, newScope([]respond.ProcessID{root}, true), m); !slices.Equal(got, []int{20, 30, 50, 40, 60}) {
		t.Error(got)
	}
	if got := members(t, newScope([]respond.ProcessID{root}, false), m); !slices.Equal(got, []int{20}) {
		t.Error(got)
	}
}

func TestAChildOfANumberThatPassedToAnotherIsNotTakenIn(t *testing.T) {
	m := &paper{table: NewTable([]Process{made(20, 1, "/bin/a", ""), made(30, 20, "/bin/b", ""), made(40, 30, "/bin/c", "")}), gone: map[int]bool{20: true}}
	if got := members(t, newScope([]respond.ProcessID{m.table.Number(20).ID}, true), m); !slices.Equal(got, []int{20}) {
		t.Error(got)
	}
}

func TestAMemberStaysOneWhenItsParentsAreGone(t *testing.T) {
	m := &paper{table: NewTable([]Process{made(20, 1, "/bin/a", ""), made(30, 20, "/bin/b", "")})}
	s := newScope([]respond.ProcessID{m.table.Number(20).ID}, true)
	members(t, s, m)
	m.table = NewTable([]Process{made(1, 0, "/sbin/init", ""), made(30, 1, "/bin/b", ""), made(40, 30, "/bin/c", "")})
	if got := members(t, s, m); !slices.Equal(got, []int{30, 40}) {
		t.Error(got)
	}
}

func TestAParentThatIsYoungerThanItsChildIsNone(t *testing.T) {
	child := with(made(30, 40, "/bin/b", ""), func(p *Process) { p.ID.Start = 5 * respond.Tick })
	m := &paper{table: NewTable([]Process{made(40, 1, "/bin/a", ""), child})}
	if got := members(t, newScope([]respond.ProcessID{m.table.Number(40).ID}, true), m); !slices.Equal(got, []int{40}) {
		t.Error(got)
	}
}
