package playbooks

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/frame"
)

// elastic is a history with alerts of its own beside another one.
type elastic struct {
	sources.History
	rows *frame.Frame
	err  error
}

func (k *elastic) Query(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
	if strings.Contains(q.Text, ".alerts-security") {
		return k.rows, sources.Quality{}, k.err
	}
	return k.History.Query(ctx, q)
}

func TestAlertsOfElasticSecurityStandBesideOursAndWhatCannotBeReadIsSaid(t *testing.T) {
	b := frame.NewBuilder([]frame.Field{{Name: "alerts", Type: frame.Long}, {Name: "latest", Type: frame.Date},
		{Name: "kibana.alert.rule.name", Type: frame.Keyword}, {Name: "kibana.alert.severity", Type: frame.Keyword}})
	b.Row()
	b.Int(0, 3)
	b.Time(1, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	b.Keyword(2, "Suspicious Web Shell")
	b.Keyword(3, "high")
	a, f := copying()
	plain := a.History
	for _, c := range []struct {
		elastic
		want string
	}{
		{elastic{plain, b.Build(), nil}, "Suspicious Web Shell (high), 3 times, last"},
		{elastic{plain, nil, errors.New("403 forbidden")}, "alerts of Elastic Security: history could not answer: 403 forbidden"},
		{elastic{plain, nil, errors.New("Unknown index [.alerts-security.alerts-*]")}, ""},
	} {
		fresh, _ := copying()
		fresh.History, fresh.Elastic = &c.elastic, true
		host := answerOf(t, assess(t, fresh, f), "host")
		text := ""
		for _, l := range host.Evidence {
			text += l.Label + ": " + l.Text + "\n"
		}
		if c.want == "" && strings.Contains(text, "Elastic Security") || c.want != "" && !strings.Contains(text, c.want) {
			t.Errorf("no %q in %s", c.want, text)
		}
	}
}
