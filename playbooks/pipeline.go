package playbooks

import (
	"errors"
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
		out = append(out, e.broughtIn()...)
	case "staging":
		add("account", e.account())
		add("access", "logged in: "+e.presence())
		add("tests", e.tests())
		add("owner", e.owner())
	case "production":
		add("forensics", e.remains())
		add("persistence", e.startedAgain())
		add("changed", e.changed())
		add("owner", e.owner())
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

// account is who it ran as, and who had logged in as that.
func (e *evidence) account() string {
	s := "it ran as " + orUnknown(e.tool.User)
	switch name := e.loginName(); {
	case name != "" && name != e.tool.User:
		s += ", after a login as " + name
	case name == "":
		s += ", by no login that is known"
	}
	return s + prefixed(", through ", e.tool.Entry)
}

// tests is what was announced here for the time.
func (e *evidence) tests() string {
	var all []string
	for _, w := range e.windows() {
		all = append(all, w.describe(e.started()))
	}
	switch {
	case len(all) > 0:
		return "announced: " + few(all, 3)
	case e.windowErr != nil:
		return "not known: " + e.windowErr.Error()
	case !e.calendar:
		return "no change calendar is configured to announce one: ask"
	}
	return "none was announced for this host and time: ask"
}

func (e *evidence) owner() string {
	return orElse(e.entry.Owner, "not known: the inventory names none for this host")
}

// remains is what can still be taken as evidence.
func (e *evidence) remains() string {
	if e.tool.Alive() {
		return label(e.tool) + " still runs: take its memory, open files and connections before it is stopped"
	}
	still := "nothing above it runs any more"
	for _, p := range e.ancestors {
		if p.Alive() && p.PID != 1 {
			still = label(p) + " above it still runs, and its memory can be taken"
			break
		}
	}
	return label(e.tool) + " has ended and its memory is gone; " + still + "; files and logs can be taken"
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
		return "near its start: " + few(near, 3) + "; " + noShells
	}
	return "no cron line or timer near its start; " + noShells
}

const noShells = "web shells were not looked for"

// changed are the files that start programs or let people in and that are of the
// day before, or newer.
func (e *evidence) changed() string {
	switch {
	case e.looked.none != "":
		return "" // said above
	case errors.Is(e.looked.footErr, errStillAsked):
		return "what starts programs or lets people in: " + stillAsked
	}
	var all []string
	for _, f := range e.looked.footholds {
		all = append(all, f.Path+" "+moment(f.Changed, e.before))
	}
	s := plural(int64(len(all)), "file") + " of cron, units, login scripts, login keys or what is preloaded, since a day before" + prefixed(": ", few(all, 4))
	if err := e.looked.footErr; err != nil {
		s += "; not all could be looked at: " + err.Error()
	}
	return s
}
