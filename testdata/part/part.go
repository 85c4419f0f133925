// Package part decides what a test does without a real part: a kernel that lets
// us watch (ebpf), the hosts of testdata/lab (lab), a node (elasticsearch).
package part

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// Missing ends the test for want of a part: it is skipped with the reason, or
// fails where INTERDICT_REQUIRE, a list parted by commas, names the part.
func Missing(t testing.TB, name string, why ...any) {
	t.Helper()
	reason := fmt.Sprint(why...)
	if slices.Contains(strings.Split(os.Getenv("INTERDICT_REQUIRE"), ","), name) {
		t.Fatalf("%s is required: %s", name, reason)
	}
	t.Skipf("no %s here: %s", name, reason)
}
