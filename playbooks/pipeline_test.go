package playbooks

import (
	"fmt"
	"strings"
	"testing"

	"interdict/detect"
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
	for env, want := range map[string]string{
		"ci":         "pipeline GitLab CI g/p, job deploy (as the job's environment says, which can be forged)",
		"staging":    "access logged in: nobody logged in since 2026-03-03 18:04 (bob)",
		"production": "persistence no cron line or timer near its start",
	} {
		a, f := theft()
		f.Host.Environment = env
		f.Transfer.Ancestors = append([]detect.Process{}, f.Transfer.Ancestors...)
		f.Transfer.Ancestors[0].Env = []string{"GITLAB_CI=true", "CI_PROJECT_PATH=g/p", "CI_JOB_NAME=deploy"}
		if got := fmt.Sprint(assess(t, a, f).Environment.Facts); !strings.Contains(got, want) {
			t.Errorf("%s: %s", env, got)
		}
	}
}
