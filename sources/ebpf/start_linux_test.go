//go:build amd64 || arm64

package ebpf

import (
	"errors"
	"testing"
)

// What the kernel refuses after Start has returned is said by Run and by Stats,
// where nobody can take it for silence.
func TestWhatTheKernelRefusesLaterIsSaid(t *testing.T) {
	kernelSource(t, Config{}).Close()
	s, err := Start(Config{RingBytes: 5000}) // no power of two
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Run(t.Context(), &recorder{more: make(chan struct{}, 1)})
	var u *Unsupported
	if !errors.As(err, &u) {
		t.Fatalf("Run gave %v", err)
	}
	if notes := s.Stats().Notes; len(notes) != 1 || notes[0] != err.Error() {
		t.Errorf("notes %q, error %v", notes, err)
	}
}

func TestAScopeThatIsNoneIsSaidAtOnce(t *testing.T) {
	kernelSource(t, Config{}).Close()
	if _, err := Start(Config{Scope: "/no/such/cgroup"}); err == nil {
		t.Error("no error")
	}
}
