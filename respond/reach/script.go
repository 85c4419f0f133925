package reach

import (
	"time"

	_ "embed"

	"interdict/respond"
)

//go:embed look.sh
var text string

var script = respond.Script{Name: "reach.look", Root: true, Limit: 20 * time.Second, Text: text}
