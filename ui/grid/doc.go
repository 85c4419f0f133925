// Package grid is a table over rows that it never holds: any number of them
// costs what is on the screen.
//
// The cursor holds a row by its id and not by its number: rows that arrive,
// leave or change places do not move what the person looks at. [Grid.Above]
// tells of arrivals that are hidden above meanwhile; while all rows fit on the
// screen none is hidden, and the cursor goes with its row. A grid that follows keeps
// its cursor at one end instead, where new rows come in, until the person moves.
//
// Cells are untrusted text and go through package text.
package grid
