//go:build !linux || (!amd64 && !arm64)

package ebpf

import (
	"context"
	"runtime"

	"interdict/sources"
)

// Source cannot be made here.
type Source struct{}

// New answers that this system has no such kernel.
func New(Config) (*Source, error) {
	return nil, &Unsupported{Missing: "watching executions needs Linux on amd64 or arm64, this is " + runtime.GOOS + "/" + runtime.GOARCH}
}

// Start answers as New does.
func Start(c Config) (*Source, error) { return New(c) }

// Name is "ebpf".
func (*Source) Name() string { return "ebpf" }

// Run ends at once.
func (*Source) Run(context.Context, sources.Sink) error { return sources.ErrClosed }

// Stats are empty.
func (*Source) Stats() sources.Stats { return sources.Stats{} }

// Close does nothing.
func (*Source) Close() error { return nil }

// Probe says that nothing can be watched here.
func Probe() []Feature {
	return []Feature{{Name: "kernel", State: No, Detail: "not Linux on amd64 or arm64", Hint: "watch a Linux host; the recorded incident works everywhere"}}
}
