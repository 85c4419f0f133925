//go:build amd64 || arm64

package ebpf

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// abilities are what this kernel has of what the programs can use.
type abilities struct {
	atomics, taskStorage, groupDead, sockLength bool
}

// minimum is the first kernel with a ring buffer and BPF iterators.
var minimum = [2]int{5, 8}

// release is major and minor of the running kernel.
func release() (major, minor int, name string) {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return 0, 0, "unknown"
	}
	name = unix.ByteSliceToString(u.Release[:])
	fmt.Sscanf(name, "%d.%d", &major, &minor)
	return major, minor, name
}

func atLeast(major, minor int) bool {
	a, b, _ := release()
	return a > major || a == major && b >= minor
}

// kernelTypes loads the kernel's own description of its types.
func kernelTypes() (*btf.Spec, error) {
	if !atLeast(minimum[0], minimum[1]) {
		_, _, name := release()
		return nil, &Unsupported{Missing: "kernel " + name + " is too old to be watched", Hint: "Linux 5.8 or newer is needed"}
	}
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, &Unsupported{Missing: "the kernel does not describe its types (BTF)", Err: err,
			Hint: "use a kernel built with CONFIG_DEBUG_INFO_BTF=y; all current distributions' are"}
	}
	return spec, nil
}

// mayLoad tells what is plainly missing for programs to be loaded, in a few ms.
func mayLoad() error {
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil || !atLeast(minimum[0], minimum[1]) {
		if _, err := kernelTypes(); err != nil {
			return err
		}
	}
	if err := rlimit.RemoveMemlock(); err != nil && !errors.Is(err, os.ErrPermission) {
		return &Unsupported{Missing: "locked memory for the kernel's maps", Err: err}
	}
	if errors.Is(features.HaveMapType(ebpf.RingBuf), os.ErrPermission) || errors.Is(features.HaveProgramType(ebpf.RawTracepoint), os.ErrPermission) {
		return &Unsupported{Missing: "no right to watch the kernel", Hint: "run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE"}
	}
	return nil // another error shows when the programs are loaded, with its reason
}

// probe finds what the kernel has.
func probe(types *btf.Spec) abilities {
	return abilities{
		atomics:     atLeast(5, 12),
		taskStorage: atLeast(5, 12) && features.HaveMapType(ebpf.TaskStorage) == nil,
		groupDead:   tracepointParams(types, "sched_process_exit") >= 3,
		sockLength:  tracepointParams(types, "sock_send_length") > 0 && tracepointParams(types, "sock_recv_length") > 0,
	}
}

// notes says what is degraded, for the header.
func (a abilities) notes() []string {
	var out []string
	if !a.sockLength {
		out = append(out, "bytes of a transfer are known only when its connection closes: this kernel does not tell them earlier")
	}
	if !a.taskStorage {
		out = append(out, "at most 4,096 processes of interest can be followed at a time on this kernel")
	}
	return out
}

// tracepointParams counts the parameters of a raw tracepoint, the context
// pointer included; 0: there is no such tracepoint.
func tracepointParams(types *btf.Spec, name string) int {
	var def *btf.Typedef
	if types.TypeByName("btf_trace_"+name, &def) != nil {
		return 0
	}
	pointer, ok := def.Type.(*btf.Pointer)
	if !ok {
		return 0
	}
	proto, ok := pointer.Target.(*btf.FuncProto)
	if !ok {
		return 0
	}
	return len(proto.Params)
}

// Probe says what of the sensor works on this machine, for doctor.
func Probe() []Feature {
	_, _, name := release()
	kernel := Feature{Name: "kernel", State: Yes, Detail: "Linux " + name}
	types, err := kernelTypes()
	if err == nil {
		err = mayLoad()
	}
	var u *Unsupported
	if errors.As(err, &u) {
		kernel.State, kernel.Detail, kernel.Hint = No, u.Missing, u.Hint
		return []Feature{kernel}
	}
	have := probe(types)
	all := []Feature{kernel,
		choice("process events", true, "raw tracepoints sched_process_fork, _exec, _exit", ""),
		choice("end of a process", have.groupDead, "told by the kernel", "by the count of living threads"),
		choice("following tools", have.taskStorage, "task storage", "a map that forgets the longest unused of 4,096 processes"),
		choice("bytes of transfers", have.sockLength, "sock_send_length, sock_recv_length: exact", "from TCP's own counters when a connection closes; nothing while it goes on"),
		choice("programs that preempt one another", have.atomics, "scratch areas are claimed", "does not happen on this kernel"),
	}
	return append(all, loadable())
}

func choice(name string, have bool, yes, fallback string) Feature {
	if have {
		return Feature{Name: name, State: Yes, Detail: yes}
	}
	return Feature{Name: name, State: Fallback, Detail: fallback}
}

// loadable loads everything once: the only proof that counts.
func loadable() Feature {
	f := Feature{Name: "sensor", State: Yes, Detail: "loads and attaches"}
	s, err := New(Config{RingBytes: 1 << 16})
	var u *Unsupported
	switch {
	case errors.As(err, &u):
		f.State, f.Detail, f.Hint = No, u.Error(), u.Hint
	case err != nil:
		f.State, f.Detail = No, err.Error()
	default:
		_ = s.Close()
	}
	return f
}
