package playbooks

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"interdict/detect"
	"interdict/respond"
)

func TestAPipelineIsReadFromTheEnvironment(t *testing.T) {
	for want, env := range map[string][]string{
		"GitHub Actions shop/web, job build, run 77, commit 3f2a, of refs/heads/x": {"GITHUB_ACTIONS=true", "CI=true", "GITHUB_REPOSITORY=shop/web", "GITHUB_JOB=build", "GITHUB_RUN_ID=77", "GITHUB_SHA=3f2a", "GITHUB_REF=refs/heads/x"},
		"GitLab CI g/p, job deploy, step publish, commit 1":                        {"GITLAB_CI=true", "CI_PROJECT_PATH=g/p", "CI_JOB_NAME=deploy", "CI_JOB_STAGE=publish", "CI_COMMIT_SHA=1"},
		"a build job": {"CI=1"},
		"":            {"CI=false", "HOME=/root"},
	} {
		if got := PipelineOf(env).String(); got != want {
			t.Errorf("%q of %q", got, env)
		}
	}
	if got := PipelineOf([]string{"GITLAB_CI=true", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME=refs/heads/main"}).Base; got != "main" {
		t.Error(got)
	}
}

func TestEachEnvironmentBringsWhatIsKnownForItsActions(t *testing.T) {
	for env, wanted := range map[string][]string{
		"ci": {
			"pipeline GitLab CI g/p, job deploy, commit 3f2a (as the job's environment says, which can be forged)",
			"script line /dev/shm/.x.sh:3: exec scp -q a b: (as it is now: the file was changed", "`git blame -L3,3`",
		},
		"staging": {
			"access logged in: nobody logged in since 2026-03-03 18:04 (bob)", "account it ran as www-data, by no login that is known",
			"tests announced: a test of the export, 03:00:00 to 04:00:00 UTC, announced by ana", "owner shop-team",
		},
		"production": {
			"persistence no cron line or timer near its start", "forensics scp 4121 still runs: take its memory",
			"changed 1 file of cron, units, login scripts, login keys or what is preloaded, since a day before: /etc/cron.d/x 03:11:00", "owner shop-team",
		},
	} {
		a, f := theft()
		f.Host.Environment = env
		f.Transfer.Ancestors = append([]detect.Process{}, f.Transfer.Ancestors...)
		f.Transfer.Ancestors[0].Env = []string{"GITLAB_CI=true", "CI_PROJECT_PATH=g/p", "CI_JOB_NAME=deploy", "CI_COMMIT_SHA=3f2a"}
		m := a.Look.(*machine)
		m.footholds = []respond.Foothold{{Path: "/etc/cron.d/x", Changed: time.Date(2026, 3, 4, 3, 11, 0, 0, time.UTC)}}
		m.files = map[string]respond.Origin{"/dev/shm/.x.sh": {Text: "#!/bin/sh\n# scp is next\nexec scp -q a b:\n", Changed: night}}
		a.Windows = func(context.Context, time.Time) ([]Window, error) {
			return []Window{{What: "a test of the export", By: "ana", From: night.Truncate(time.Hour), To: night.Truncate(time.Hour).Add(time.Hour)}}, nil
		}
		a.Entry = func(detect.Host) (respond.HostEntry, bool) { return respond.HostEntry{Owner: "shop-team"}, true }
		got := fmt.Sprint(assess(t, a, f).Environment.Facts)
		for _, want := range wanted {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not in %s", env, want, got)
			}
		}
	}
}

func TestTheLineThatBroughtAToolInIsOneThatRunsIt(t *testing.T) {
	for script, want := range map[string]int{
		"# scp x\ncp a b\n/usr/bin/scp a b:\n": 3,
		"scpx\nmy-scp\nscp":                    3,
		"echo # scp":                           0,
		"":                                     0,
	} {
		if n, _ := LineNaming(script, "scp"); n != want {
			t.Errorf("%q: %d", script, n)
		}
	}
}

func TestAStepOfARulesNoteIsAskedWhereItsEnvironmentIs(t *testing.T) {
	note := "## Everywhere\n- look\n## In a pipeline\n- which step\n## In staging\n- who tests\n## In production\n- keep evidence\n"
	for env, want := range map[string]string{"": "look,which step,who tests,keep evidence", "ci": "look,which step", "staging": "look,who tests", "production": "look,keep evidence"} {
		var got []string
		for _, a := range checklist(note, env) {
			got = append(got, a.Why)
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%q: %q", env, got)
		}
	}
}
