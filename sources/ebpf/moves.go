package ebpf

import "strings"

// moves tells whether the arguments of a tool that does other things as well
// make it send or fetch files. It errs on the side of saying yes.
func moves(tool string, args []string) bool {
	if len(args) < 2 {
		return false
	}
	args = args[1:]
	switch tool {
	case "curl":
		return has(args, "-T", "-F", "-d", "--upload-file", "--form", "--data", "--data-binary", "--data-raw", "--data-urlencode", "--data-ascii",
			"--form-string", "--url-query", "--json", "--config") || short(args, "TFdK")
	case "wget":
		return has(args, "--post-file", "--body-file", "--post-data", "--body-data", "--config") || contains(args, "post_file", "body_file", "post_data")
	case "nc", "ncat", "netcat", "nc.traditional", "nc.openbsd", "netcat.traditional", "netcat.openbsd", "socat":
		return true
	case "openssl":
		return args[0] == "s_client" || args[0] == "s_server"
	case "ssh":
		return hasWord(args, "cat", "tar", "dd", "tee", "cpio", "rsync", "scp") || has(args, "-W", "-L", "-R", "-D", "-w")
	case "aws":
		return hasWord(args, "cp", "sync", "mv", "put-object", "upload-part")
	case "az":
		return hasWord(args, "upload", "upload-batch", "copy", "sync")
	case "gcloud":
		return hasWord(args, "cp", "scp", "rsync")
	case "kubectl":
		return hasWord(args, "cp", "tar", "cat", "rsync")
	}
	return true
}

// has tells whether an option is there, also as --option=value, and a long one that
// is cut short, as curl and wget take it.
func has(args []string, options ...string) bool {
	for _, a := range args {
		name, _, _ := strings.Cut(a, "=")
		for _, o := range options {
			short := len(name) > len("--u") && name[:2] == "--" && name != "--url" // which is an option itself
			if name == o || short && strings.HasPrefix(o, name) {
				return true
			}
		}
	}
	return false
}

// contains tells whether a text stands anywhere in the arguments.
func contains(args []string, texts ...string) bool {
	all := strings.Join(args, " ")
	for _, t := range texts {
		if strings.Contains(all, t) {
			return true
		}
	}
	return false
}

// short tells whether a group of one-letter options (-sT) has one of the letters.
func short(args []string, letters string) bool {
	for _, a := range args {
		if len(a) > 1 && a[0] == '-' && a[1] != '-' && strings.ContainsAny(a[1:], letters) {
			return true
		}
	}
	return false
}

// hasWord tells whether a word stands in an argument by itself: "tar cf - /srv".
func hasWord(args []string, words ...string) bool {
	for _, a := range args {
		for field := range strings.FieldsSeq(a) {
			for _, w := range words {
				if field == w {
					return true
				}
			}
		}
	}
	return false
}
