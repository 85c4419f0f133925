package playbooks

import (
	"strings"
	"testing"
)

func TestShapesKeepWhatACommandDoesAndDropWhatDiffersFromRunToRun(t *testing.T) {
	for command, want := range map[string]string{
		"scp -q /tmp/.c/customers.tar.gz deploy@203.0.113.9:in/":        "scp -q P U@H:P",
		"/usr/bin/scp -q /srv/a.tgz /srv/b.tgz ann@10.0.4.12:x":         "scp -q P U@H:P",
		"scp -P2222 -i /home/a/.ssh/id f host:":                         "scp -PN -i P f H:",
		"rsync -a --bwlimit=8000 /srv/data backup@10.0.4.12:/vol/web-1": "rsync -a --bwlimit=N P U@H:P",
		"rsync -e ssh a rsync://mirror/pub/":                            "rsync -e ssh a rsync://H/P",
		"curl -T /srv/a https://u:p@files.example/in?k=1":               "curl -T P https://U@H/P",
		"curl https://203.0.113.9":                                      "curl https://H",
		"nc 203.0.113.9 443":                                            "nc H N",
		"scp x [2001:db8::1]:y":                                         "scp x H:P",
		"tar job 7f3a9c0e21d4":                                          "tar job X",
		"":                                                              "",
	} {
		if got := shapeOf(command); got != want {
			t.Errorf("%q gives %q, want %q", command, got, want)
		}
	}
}

func TestALongCommandLineCostsNoMoreThanItsBeginning(t *testing.T) {
	if got := shapeOf("scp " + strings.Repeat("/a ", 1<<20) + "h:"); len(got) > shapeBytes {
		t.Errorf("%d bytes", len(got))
	}
}
