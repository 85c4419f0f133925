package cli

import (
	"fmt"
	"strings"
	"testing"
)

func TestALineOfAnyLengthHidesNoToolBehindIt(t *testing.T) {
	diff := "diff --git a/a.js b/a.js\n--- a/a.js\n+++ b/a.js\n@@ -0,0 +1 @@\n+" + strings.Repeat("x", 17<<20) + "\n" +
		"diff --git a/deploy.sh b/deploy.sh\n--- a/deploy.sh\n+++ b/deploy.sh\n@@ -3,0 +4 @@\n+scp -q dump.sql u@203.0.113.9:\n"
	if got := fmt.Sprint(addedLines([]byte(diff))); got != "[deploy.sh:4: scp: scp -q dump.sql u@203.0.113.9:]" {
		t.Errorf("%.200s", got)
	}
}
