package ui

import "time"

type (
	state  string
	answer struct {
		Number   int
		Question string
		State    state
		Why      string
		Evidence []evidence
		Query    string
		Took     time.Duration
	}
	evidence struct{ Label, Text string }
	verdict  struct {
		Word               string
		Sending            bool
		Against, For, Open []string
	}
	guide struct {
		AlertID string
		Verdict verdict
		Answers []answer
		Blind   []string
		Stop    string
	}
)

const (
	stateBad  state = "BAD"
	stateOK   state = "OK"
	stateOpen state = "OPEN"
)
