package detect

import (
	"path"
	"strings"

	"interdict/sources/ecs"
)

// wrote notes a file that a member made: where data that comes in goes to, and
// what was packed to be sent.
func (k *tracker) wrote(ids *identities, row int, at int64) {
	key, ok := ids.process(row)
	if !ok {
		return
	}
	p := k.all[key]
	if p == nil || p.transfer == nil || p.transfer.frozen {
		return
	}
	facts := k.process(p)
	file := File{Path: unhidden(&facts, ids.text(ecs.FilePath, row)), At: millis(at), Process: facts.EntityID}
	if file.Path == "" || surrounding(file.Path, facts.CommandLine) || settings(&facts, file.Path) {
		return
	}
	file.Sensitive = k.kind(file.Path)
	p.transfer.write(file)
}

func (t *transfer) write(f File) {
	t.dirty = true
	for i := range t.written {
		if t.written[i].Path == f.Path {
			return
		}
	}
	if len(t.written) >= maxWritten {
		t.moreWritten++
		return
	}
	t.written = append(t.written, f)
}

// maxWritten is how many files are named that one transfer wrote.
const maxWritten = 256

// unhidden is the name that a file gets when it is whole: rsync writes to
// .NAME.XXXXXX beside it.
func unhidden(p *Process, file string) string {
	if toolOf(p) != "rsync" && p.Name != "rsync" {
		return file
	}
	base := path.Base(file)
	name, random := strings.TrimSuffix(base, path.Ext(base)), path.Ext(base)
	if len(random) == 7 && len(name) > 1 && name[0] == '.' {
		return path.Join(path.Dir(file), name[1:])
	}
	return file
}
