package local

import (
	"interdict/respond"
	"interdict/respond/process"
)

// Host is this machine.
type Host struct{ owners owners }

var (
	_ process.Machine = (*Host)(nil)
	_ respond.Looker  = (*Host)(nil)
)

// New never fails; what the machine lacks shows when it is asked.
func New() *Host { return &Host{} }

// Name is "local".
func (*Host) Name() string { return "local" }
