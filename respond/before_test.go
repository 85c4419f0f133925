package respond_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"interdict/respond"
)

// earlier is a change of another kind that comes before one.
type earlier struct {
	switchAction
	unplanned error
}

func (*earlier) Kind() string { return "test.earlier" }
func (e *earlier) Plan(context.Context, respond.Host) (respond.Plan, error) {
	return respond.Plan{Version: 1, Kind: "test.earlier", Host: "web-1", Identity: respond.Identity{HostID: "m", BootID: "b"}, Title: "stop 4 processes", Warnings: []string{"it may be noticed"}}, e.unplanned
}

func (e *earlier) Apply(ctx context.Context, h respond.Host, p respond.Plan) (respond.Result, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		return respond.Result{}, errors.New("it may take for ever")
	}
	r, err := e.switchAction.Apply(ctx, h, p)
	r.Kind, r.Summary, r.Holds = "test.earlier", "4 stopped", []respond.Held{{Key: "four", Kind: "frozen", Text: "4 processes"}}
	if err != nil {
		r = respond.Result{}
	}
	return r, err
}

func TestWhatComesFirstIsInThePlanAndAnOperationOfItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		first  *earlier
		phases string
		line   string
		held   int
	}{
		"done":        {&earlier{}, "approved approved applying applied verified applying applied verified", "4 stopped: holds", 2},
		"fails":       {&earlier{switchAction: switchAction{apply: errors.New("no such process")}}, "approved approved applying failed applying applied verified", "not done: no such process", 1},
		"not planned": {&earlier{unplanned: errors.New("it has ended")}, "approved applying applied verified", "", 1},
	} {
		j := open(t, t.TempDir()).journal(t)
		a := &respond.Preceded{Action: &switchAction{}, First: []respond.Action{c.first}}
		p := plan(t, a)
		planned := len(p.First) == 1 && p.Lines[0].Label == "First" && strings.Contains(p.Lines[0].Text, "stop 4 processes, in 5s at most")
		if planned != (name != "not planned") || len(p.Warnings) != 1 {
			t.Errorf("%s: %+v", name, p)
		}
		r, v, err := respond.Run(t.Context(), j, respond.Actor{User: "ana"}, a, host{}, p)
		if err != nil || !v.OK() {
			t.Errorf("%s: %v, %v", name, v, err)
		}
		if got := phases(t, j); got != c.phases {
			t.Errorf("%s: %s", name, got)
		}
		if c.line != "" && (len(r.Lines) != 1 || !strings.Contains(r.Lines[0].Text, c.line)) {
			t.Errorf("%s: %+v", name, r.Lines)
		}
		if standing, err := j.Standing(t.Context()); err != nil || len(standing) != c.held {
			t.Errorf("%s: %+v, %v", name, standing, err)
		}
	}
}
