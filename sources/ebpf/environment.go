//go:build linux && (amd64 || arm64)

package ebpf

import (
	"bytes"
	"strings"
)

// keptVariables may be kept of an environment: where a login came from, who
// became whom, and which pipeline runs. Everything else may be a secret.
var keptVariables = map[string]bool{
	"SSH_CONNECTION": true, "SSH_CLIENT": true, "SSH_TTY": true, "SUDO_USER": true, "SUDO_UID": true, "LOGNAME": true, "HOME": true,
	"LD_PRELOAD": true, "INVOCATION_ID": true, "JOURNAL_STREAM": true,
	"CI": true, "GITHUB_ACTIONS": true, "GITHUB_REPOSITORY": true, "GITHUB_WORKFLOW": true, "GITHUB_RUN_ID": true, "GITHUB_SHA": true, "GITHUB_REF": true, "GITHUB_JOB": true, "GITHUB_ACTION": true, "GITHUB_BASE_REF": true, "RUNNER_NAME": true,
	"GITLAB_CI": true, "CI_PROJECT_PATH": true, "CI_PIPELINE_ID": true, "CI_JOB_ID": true, "CI_JOB_NAME": true, "CI_JOB_STAGE": true, "CI_COMMIT_REF_NAME": true, "CI_COMMIT_SHA": true, "CI_RUNNER_DESCRIPTION": true,
	"JENKINS_URL": true, "BUILD_ID": true, "BUILD_URL": true, "JOB_NAME": true, "GIT_COMMIT": true, "NODE_NAME": true, "STAGE_NAME": true, "GIT_BRANCH": true,
	"BUILDKITE": true, "BUILDKITE_PIPELINE_SLUG": true, "BUILDKITE_LABEL": true, "BUILDKITE_BUILD_NUMBER": true, "BUILDKITE_COMMIT": true,
	"CIRCLECI": true, "CIRCLE_JOB": true, "CIRCLE_SHA1": true, "CIRCLE_BUILD_NUM": true, "TRAVIS": true, "TEAMCITY_VERSION": true, "TF_BUILD": true,
}

// maxVariable bounds the value of one.
const maxVariable = 512

// allowed picks what may be kept out of an environment.
func allowed(env []byte) []string {
	var out []string
	for len(env) > 0 {
		var one []byte
		one, env, _ = bytes.Cut(env, []byte{0})
		name, value, ok := bytes.Cut(one, []byte{'='})
		if !ok || !keptVariables[string(name)] {
			continue
		}
		v := string(value)
		if i := strings.LastIndexByte(v, '@'); i >= 0 && strings.Contains(v, "://") { // user:password@ of a URL
			v = "…" + v[i:]
		}
		if len(v) > maxVariable {
			v = v[:maxVariable] + "…"
		}
		out = append(out, string(name)+"="+v)
	}
	return out
}
