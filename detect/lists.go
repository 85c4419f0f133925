package detect

import (
	"path"
	"slices"
)

// Lists are the files by which the arguments say more of what is sent or where
// to: a batch file, a list of files, a file of options. "-" is what comes in on
// the standard input. None is read here.
func (t *Transfer) Lists() (out []string) {
	args := t.Tool.Args
	if t.Session() || serves(&t.Tool) || len(args) < 2 {
		return nil
	}
	of, ok := listers[toolOf(&t.Tool)]
	if !ok {
		return nil
	}
	w := &aiming{args: args[1:]}
	w.walk(of.valued, append(slices.Clone(of.long), of.options...), func(name, value string) {
		if value == "" || !slices.Contains(of.options, name) || len(out) == maxAims {
			return
		}
		if value != "-" && !path.IsAbs(value) && t.Tool.Dir != "" {
			value = path.Join(t.Tool.Dir, value)
		}
		out = append(out, value)
	}, func(string) {})
	return out
}

// lister says which options of a tool name such a file, and which take a value at all.
type lister struct {
	options []string
	valued  string
	long    []string
}

var listers = map[string]lister{
	"sftp":   {[]string{"-b"}, sftpValued, nil},
	"rsync":  {[]string{"--files-from"}, rsyncValued, rsyncLong},
	"curl":   {[]string{"-K", "--config"}, curlValued, curlLong},
	"wget":   {[]string{"-i", "--input-file"}, "aABDeiIlOoPQRtTUwX", nil},
	"aria2c": {[]string{"-i", "--input-file"}, "dijklMoqstuxTU", nil},
	"lftp":   {[]string{"-f"}, lftpValued, nil},
	"rclone": {[]string{"--files-from", "--files-from-raw"}, "", nil},
}
