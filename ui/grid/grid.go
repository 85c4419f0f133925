package grid

// Rows are what a grid shows. All three cost about the same for any number of rows.
type Rows[K comparable] interface {
	Len() int
	ID(i int) K
	// Index finds a row by its id; false when it is gone.
	Index(id K) (int, bool)
}

// End is where new rows come in, and where a following cursor stays.
type End int

// The ends.
const (
	Top End = iota
	Bottom
)

// Grid is cursor, scroll position and mode over some rows. It is not safe for concurrent use.
type Grid[K comparable] struct {
	rows   Rows[K]
	end    End
	height int
	follow bool
	top    int // first row shown
	index  int // of the cursor's row; valid while rows.Len() > 0
	cursor K
	held   bool // cursor is set
	above  int  // arrivals hidden above since the cursor was held
}

// New makes a grid that follows end.
func New[K comparable](rows Rows[K], end End) *Grid[K] {
	g := &Grid[K]{end: end, follow: true, height: 1}
	g.SetRows(rows)
	return g
}

// SetHeight says how many rows can be shown, one at least.
func (g *Grid[K]) SetHeight(h int) {
	g.height = max(h, 1)
	g.clamp()
}

// SetRows puts other rows, or the same in another state, under the cursor. The
// row that the cursor holds stays on its screen line as far as that can be.
func (g *Grid[K]) SetRows(rows Rows[K]) {
	g.rows = rows
	if rows.Len() == 0 {
		g.top, g.index, g.above = 0, 0, 0
		return
	}
	if g.follow || !g.held {
		g.toEnd()
		return
	}
	line := g.index - g.top
	i, ok := rows.Index(g.cursor)
	if !ok { // it is gone: what has taken its place
		i = min(g.index, rows.Len()-1)
		g.cursor = rows.ID(i)
	} else if i > g.index {
		g.above += i - g.index
	}
	g.index, g.top = i, i-line
	g.clamp()
}

func (g *Grid[K]) toEnd() {
	i := 0
	if g.end == Bottom {
		i = g.rows.Len() - 1
	}
	g.put(i)
}

func (g *Grid[K]) put(i int) {
	n := g.rows.Len()
	if n == 0 {
		return
	}
	g.index = min(max(i, 0), n-1)
	g.cursor, g.held = g.rows.ID(g.index), true
	g.clamp()
}

// clamp brings the cursor into view and leaves no empty lines below the last row.
func (g *Grid[K]) clamp() {
	if g.index < g.top {
		g.top = g.index
	}
	if g.index >= g.top+g.height {
		g.top = g.index - g.height + 1
	}
	g.top = max(min(g.top, g.rows.Len()-g.height), 0)
	g.above = min(g.above, g.top)
}

// Move moves the cursor by n rows and holds it there.
func (g *Grid[K]) Move(n int) {
	g.Hold()
	g.put(g.index + n)
}

// Page moves by screens.
func (g *Grid[K]) Page(n int) { g.Move(n * max(g.height-1, 1)) }

// First goes to the first row; a grid whose new rows come in there follows again.
func (g *Grid[K]) First() { g.jump(Top) }

// Last goes to the last row; a grid whose new rows come in there follows again.
func (g *Grid[K]) Last() { g.jump(Bottom) }

func (g *Grid[K]) jump(end End) {
	g.follow = end == g.end
	if end == Top {
		g.put(0)
		return
	}
	g.put(g.rows.Len() - 1)
}

// Select puts the cursor on a row and holds it; false when there is no such row.
func (g *Grid[K]) Select(id K) bool {
	i, ok := g.rows.Index(id)
	if ok {
		g.Hold()
		g.put(i)
	}
	return ok
}

// Hold ends following: the cursor stays with its row.
func (g *Grid[K]) Hold() { g.follow = false }

// Following tells whether the cursor stays at the end where new rows come in.
func (g *Grid[K]) Following() bool { return g.follow }

// Cursor is the row under the cursor; false when there are no rows.
func (g *Grid[K]) Cursor() (K, bool) {
	return g.cursor, g.held && g.rows.Len() > 0
}

// Index is the number of the row under the cursor, counted from 0.
func (g *Grid[K]) Index() int { return g.index }

// Above is how many rows came in above the first line while the cursor was held.
func (g *Grid[K]) Above() int { return g.above }

// Visible gives the numbers of the rows on the screen: lo to hi, hi not included.
func (g *Grid[K]) Visible() (lo, hi int) {
	return g.top, min(g.top+g.height, g.rows.Len())
}
