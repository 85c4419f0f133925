package detect

import (
	"net/netip"
	"path"
	"strings"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
)

// epoch is when everything in these tests happens.
var epoch = time.Date(2026, 3, 4, 3, 12, 33, 0, time.UTC)

const boot = "6d1c9a52-31cd-4b0c-9f32-7c7c2c0a4b11"

// scene tells what happens on one host.
type scene struct {
	*ecs.Builder
	now     time.Time
	images  map[int]string // executables by pid
	indexed *time.Time     // by our clock; nil: the event does not say
}

func newScene() *scene {
	return &scene{ecs.NewBuilder(ecs.Host{ID: "m1", BootID: boot, Name: "web-1", OS: ecs.OS{Type: "linux"}}), epoch, map[int]string{}, nil}
}

func (s *scene) wait(d time.Duration) *scene {
	s.now = s.now.Add(d)
	return s
}

func (s *scene) batch() sources.Batch { return sources.Batch{Events: s.Build(), Read: s.now} }

// process writes an event of pid below ppid; a process starts at its pid, in ms since boot.
func (s *scene) process(d ecs.Dataset, action, typ string, pid, ppid int) {
	s.Event(d, action, typ, s.now)
	if s.indexed != nil {
		s.Time(ecs.EventIngested, *s.indexed)
	}
	s.Int(ecs.ProcessPID, int64(pid))
	s.Int(ecs.StartTicks, int64(pid)*1e6)
	s.Keyword(ecs.ProcessEntityID, s.entity(pid))
	if ppid > 0 {
		s.Int(ecs.ParentPID, int64(ppid))
		s.Int(ecs.ParentStartTicks, int64(ppid)*1e6)
		s.Keyword(ecs.ParentExecutable, s.images[ppid])
		s.Keyword(ecs.ParentName, path.Base(s.images[ppid]))
	}
	if action == "fork" {
		s.images[pid] = s.images[ppid]
	}
	if action != "exec" && action != "already_running" {
		s.Keyword(ecs.ProcessExecutable, s.images[pid])
		s.Keyword(ecs.ProcessName, path.Base(s.images[pid]))
	}
}

func (s *scene) fork(pid, ppid int) *scene {
	s.process(ecs.Process, "fork", "start", pid, ppid)
	return s
}

func (s *scene) exec(pid, ppid int, line string) *scene {
	return s.image(ecs.Process, "exec", pid, ppid, line)
}

func (s *scene) image(d ecs.Dataset, action string, pid, ppid int, line string) *scene {
	s.process(d, action, "start", pid, ppid)
	args := strings.Fields(line)
	exe := args[0]
	s.Keyword(ecs.ProcessName, exe[strings.LastIndexByte(exe, '/')+1:])
	if !strings.HasPrefix(exe, "/") {
		exe = "/usr/bin/" + exe
	}
	s.images[pid] = exe
	s.Keyword(ecs.ProcessExecutable, exe)
	s.Keyword(ecs.ProcessCommandLine, line)
	s.Keywords(ecs.ProcessArgs, args)
	if t, ok := ecs.ToolNamed(args[0]); ok {
		s.Keyword(ecs.ProcessTool, t.Name)
		s.Keyword(ecs.ProcessToolHow, "name")
	}
	return s
}

func (s *scene) exit(pid int, code int64) *scene {
	s.process(ecs.Process, "end", "end", pid, 0)
	s.Int(ecs.ProcessExitCode, code)
	return s
}

func (s *scene) net(action string, pid int, to string, sent, received int64) *scene {
	s.process(ecs.Network, action, "connection", pid, 0)
	addr := netip.MustParseAddrPort(to)
	s.Keyword(ecs.NetworkDirection, "egress")
	s.IP(ecs.DestinationIP, addr.Addr())
	s.Int(ecs.DestinationPort, int64(addr.Port()))
	s.Int(ecs.SourceBytes, sent)
	s.Int(ecs.DestinationBytes, received)
	return s
}

func (s *scene) accepted(action string, pid int, from string, received, sent int64) *scene {
	s.process(ecs.Network, action, "connection", pid, 0)
	addr := netip.MustParseAddrPort(from)
	s.Keyword(ecs.NetworkDirection, "ingress")
	s.IP(ecs.SourceIP, addr.Addr())
	s.Int(ecs.SourcePort, int64(addr.Port()))
	s.Int(ecs.SourceBytes, received)
	s.Int(ecs.DestinationBytes, sent)
	return s
}

func (s *scene) open(pid int, path string, size int64) *scene {
	s.process(ecs.File, "open", "access", pid, 0)
	s.Keyword(ecs.FilePath, path)
	s.Int(ecs.FileSize, size)
	return s
}

func (s *scene) entity(pid int) string { return ecs.EntityID(boot, pid, int64(pid)*1e6) }

func (k *tracker) transferOf(t *testing.T, entity string, now time.Time) *Transfer {
	t.Helper()
	p := k.find(entity)
	if p == nil || p.transfer == nil {
		t.Fatalf("process %s belongs to no transfer", entity)
	}
	return k.show(p.transfer, now.UnixMilli())
}
