package ebpf

import (
	"strings"
	"testing"
)

func TestToolsThatDoOtherThingsCountWithArgumentsThatMoveFiles(t *testing.T) {
	for line, want := range map[string]bool{
		"curl -sT a https://h/":            true,
		"curl --upload-file a https://h/":  true,
		"curl --upl a https://h/":          true,
		"curl --js @a https://h/":          true,
		"curl --data-b=@a https://h/":      true,
		"curl -sSfLo t https://h/":         false,
		"curl --url https://h/ --user a:b": false,
		"wget --post-file=a http://h/":     true,
		"wget --post-f=a http://h/":        true,
		"wget --page-requisites http://h/": false,
		"ssh h tar xf -":                   true,
		"ssh h uptime":                     false,
		"openssl s_client -connect h:443":  true,
		"openssl x509 -in a":               false,
		"kubectl cp a pod:b":               true,
		"kubectl get pods":                 false,
		"curl":                             false,
	} {
		args := strings.Fields(line)
		if moves(args[0], args) != want {
			t.Errorf("%s: %v", line, !want)
		}
	}
}
