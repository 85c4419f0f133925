package playbooks

import (
	"strings"
)

// Pipeline is the job of a build system that a process belongs to, as its
// environment says, which whoever writes the job can make say anything.
type Pipeline struct {
	System                 string // "GitHub Actions"; "" when none is named
	Project, Job, Step     string
	Run, Commit, Ref, Base string // Base is the branch that a change is for
}

// builds are how build systems name things; the first variable that is set counts.
var builds = []struct {
	mark, system                                string
	project, job, step, run, commit, ref, based string
}{
	{"GITHUB_ACTIONS", "GitHub Actions", "GITHUB_REPOSITORY", "GITHUB_JOB", "GITHUB_ACTION", "GITHUB_RUN_ID", "GITHUB_SHA", "GITHUB_REF", "GITHUB_BASE_REF"},
	{"GITLAB_CI", "GitLab CI", "CI_PROJECT_PATH", "CI_JOB_NAME", "CI_JOB_STAGE", "CI_PIPELINE_ID", "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"},
	{"JENKINS_URL", "Jenkins", "JOB_NAME", "JOB_NAME", "STAGE_NAME", "BUILD_ID", "GIT_COMMIT", "GIT_BRANCH", "CHANGE_TARGET"},
	{"BUILDKITE", "Buildkite", "BUILDKITE_PIPELINE_SLUG", "BUILDKITE_LABEL", "BUILDKITE_STEP_KEY", "BUILDKITE_BUILD_NUMBER", "BUILDKITE_COMMIT", "BUILDKITE_BRANCH", "BUILDKITE_PULL_REQUEST_BASE_BRANCH"},
	{"CIRCLECI", "CircleCI", "CIRCLE_PROJECT_REPONAME", "CIRCLE_JOB", "", "CIRCLE_BUILD_NUM", "CIRCLE_SHA1", "CIRCLE_BRANCH", ""},
	{"TRAVIS", "Travis CI", "TRAVIS_REPO_SLUG", "TRAVIS_JOB_NAME", "", "TRAVIS_BUILD_ID", "TRAVIS_COMMIT", "TRAVIS_BRANCH", "TRAVIS_BRANCH"},
	{"TF_BUILD", "Azure Pipelines", "BUILD_REPOSITORY_NAME", "AGENT_JOBNAME", "SYSTEM_TASKDISPLAYNAME", "BUILD_BUILDID", "BUILD_SOURCEVERSION", "BUILD_SOURCEBRANCH", "SYSTEM_PULLREQUEST_TARGETBRANCH"},
	{"CI", "a build job", "", "", "", "", "", "", ""},
}

// PipelineOf reads NAME=VALUE pairs.
func PipelineOf(env []string) (p Pipeline) {
	values := map[string]string{}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	for _, b := range builds {
		if v := values[b.mark]; v == "" || v == "false" {
			continue
		}
		return Pipeline{System: b.system, Project: values[b.project], Job: values[b.job], Step: values[b.step],
			Run: values[b.run], Commit: values[b.commit], Ref: values[b.ref], Base: strings.TrimPrefix(values[b.based], "refs/heads/")}
	}
	return p
}

// String is "GitHub Actions shop/web, job build, step publish, run 77, commit 3f2a1b0c".
func (p Pipeline) String() string {
	if p.System == "" {
		return ""
	}
	s := strings.TrimSpace(p.System + " " + short(p.Project, 100))
	for _, part := range []struct{ what, value string }{{"job", p.Job}, {"step", p.Step}, {"run", p.Run}, {"commit", p.Commit}, {"of", p.Ref}} {
		if part.value != "" {
			s += ", " + part.what + " " + short(part.value, 100)
		}
	}
	return s
}

// facts are what is known here of what an environment's actions ask for.
func (e *evidence) facts(environment string) (out []Line) {
	add := func(label, text string) {
		if text != "" {
			out = append(out, Line{label, text})
		}
	}
	switch environment {
	case "ci":
		if p := e.pipeline().String(); p != "" {
			add("pipeline", p+" (as the job's environment says, which can be forged)")
		} else {
			add("pipeline", "the processes' environment names none")
		}
		for _, p := range e.ancestors {
			if script := scriptOf(p); script != "" {
				add("script", script+" (`interdict ci` names its line, `interdict ci audit` the commit)")
				break
			}
		}
	case "staging":
		add("access", "logged in: "+e.presence())
		add("owner", e.entry.Owner)
	case "production":
		add("persistence", e.startedAgain())
		add("owner", e.entry.Owner)
	}
	return out
}

func (e *evidence) pipeline() (p Pipeline) {
	for _, one := range append(e.ancestors[:len(e.ancestors):len(e.ancestors)], e.tool) {
		if p = PipelineOf(one.Env); p.System != "" {
			return p
		}
	}
	return p
}

// presence is who was logged in at the start.
func (e *evidence) presence() string {
	if e.looked.none != "" {
		return "not known: " + e.looked.none
	}
	if e.looked.loginErr != nil {
		return "not known: " + e.looked.loginErr.Error()
	}
	return e.whoText()
}

// startedAgain says what would start it again, as far as was looked.
func (e *evidence) startedAgain() string {
	if s, proof := e.scheduled(); proof != "" {
		return "it comes again: " + s.Source
	}
	if e.looked.none != "" {
		return "not looked for: " + e.looked.none
	}
	var near []string
	for _, s := range e.nearby() {
		near = append(near, s.Source)
	}
	if len(near) > 0 {
		return "near its start: " + few(near, 3)
	}
	return "no cron line or timer near its start; keys, units and web shells were not looked for"
}
