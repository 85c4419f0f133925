package detect

import (
	"strings"
	"testing"
)

func TestFilesByWhichArgumentsSayMoreAreNamed(t *testing.T) {
	for line, want := range map[string]string{
		"sftp|-qb|batch.txt|-P|22|h":                     "/w/batch.txt",
		"sftp|-b|-|h":                                    "-",
		"sftp|-i|-b|h":                                   "",
		"rsync|-a|--files-from=/tmp/a b|/srv|h:x":        "/tmp/a b",
		"rsync|--exclude|--files-from|--files-from|l|h:": "/w/l",
		"curl|-sK|/tmp/c|--config|../d":                  "/tmp/c;/d",
		"curl|-H|-K|http://h/":                           "",
		"wget|-qi|/tmp/u":                                "/tmp/u",
		"wget|--input-file=u":                            "/w/u",
		"lftp|-f|s":                                      "/w/s",
		"rclone|copy|--files-from|l|/srv|r:b":            "/w/l",
		"scp|-b|x|h:":                                    "",
		"sftp|-b":                                        "",
		"sftp":                                           "",
	} {
		args := strings.Split(line, "|")
		x := &Transfer{Tool: Process{Name: args[0], Args: args, Dir: "/w", Tool: args[0]}}
		if got := strings.Join(x.Lists(), ";"); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
