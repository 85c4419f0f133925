package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"interdict/playbooks"
	"interdict/ui/text"
)

//go:embed report.html
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"clean": text.Clean, "stamp": stamp, "nobody": orNobody, "orNot": orNot, "bytes": playbooks.Bytes,
	"milli":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000Z") },
	"indent": func(depth int) int { return min(depth, 30) * 20 },
	"graph":  graphOf,
	"share":  share,
}).Parse(page))

// HTML writes a report as one file.
func HTML(w io.Writer, r *playbooks.Report) error { return pageTemplate.Execute(w, r) }

// The size of a graph.
const (
	graphWide, graphHigh = 640, 140
)

// graph is how bytes left over time, in the coordinates of a drawing.
type graph struct {
	Line, Area string // points: numbers alone
	From, To   time.Time
	Most       int64
}

// graphOf draws a flow; nil when there is none.
func graphOf(l playbooks.Loss) *graph {
	n := len(l.Flow)
	if n < 2 {
		return nil
	}
	g := &graph{From: l.Flow[0].At, To: l.Flow[n-1].At, Most: l.Flow[n-1].Sent}
	span := g.To.Sub(g.From).Seconds()
	if span <= 0 || g.Most <= 0 {
		return nil
	}
	var points []string
	for _, s := range l.Flow {
		x := s.At.Sub(g.From).Seconds() / span * graphWide
		y := graphHigh - float64(s.Sent)/float64(g.Most)*graphHigh
		points = append(points, fmt.Sprintf("%.1f,%.1f", x, y))
	}
	g.Line = strings.Join(points, " ")
	g.Area = fmt.Sprintf("0,%d %s %d,%d", graphHigh, g.Line, graphWide, graphHigh)
	return g
}

// share is how wide the bar of a far end is.
func share(l playbooks.Loss, f playbooks.Far) int {
	var most int64 = 1
	for _, one := range l.To {
		most = max(most, one.Sent)
	}
	return int(max(f.Sent, 0) * 300 / most)
}
