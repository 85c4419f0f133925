package esql

import "interdict/sources/esql/funcs"

// Commands are the source commands and then the others, as somebody writes them.
var Commands = []string{"FROM", "ROW", "SHOW INFO",
	"DISSECT", "DROP", "ENRICH", "EVAL", "GROK", "INLINE STATS", "KEEP", "LIMIT", "LOOKUP JOIN", "MV_EXPAND", "RENAME", "SORT", "STATS", "WHERE"}

// Functions lists all functions that a query can call, sorted.
func Functions() []string { return funcs.Names() }
