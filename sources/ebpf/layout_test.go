//go:build linux && (amd64 || arm64)

package ebpf

import (
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
)

// shared are the types that cross from C to Go.
var shared = map[string]any{
	"header": header{}, "fork_record": kernelForkRecord{}, "exec_record": kernelExecRecord{}, "exit_record": kernelExitRecord{}, "part_record": kernelPartRecord{},
	"cgroup_record": kernelCgroupRecord{}, "net_record": kernelNetRecord{}, "file_record": kernelFileRecord{}, "unix_record": kernelUnixRecord{},
	"counters": kernelCounters{}, "tool": kernelTool{}, "tool_name": kernelToolName{}, "tool_inode": kernelToolInode{}, "task_state": kernelTaskState{}, "dest": kernelDest{},
}

func TestGoAndTheKernelSideLayTypesOutAlike(t *testing.T) {
	spec, err := loadKernel()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range shared {
		var c *btf.Struct
		if err := spec.Types.TypeByName(name, &c); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		goType := reflect.TypeOf(value)
		if int(c.Size) != int(goType.Size()) {
			t.Errorf("%s has %d bytes in C and %d in Go", name, c.Size, goType.Size())
		}
		var fields []reflect.StructField
		for f := range goType.NumField() {
			if field := goType.Field(f); field.Name != "_" {
				fields = append(fields, field)
			}
		}
		if len(fields) != len(c.Members) {
			t.Errorf("%s has %d members in C and %d in Go", name, len(c.Members), len(fields))
			continue
		}
		for i, m := range c.Members {
			f := fields[i]
			size, err := btf.Sizeof(m.Type)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.EqualFold(strings.ReplaceAll(m.Name, "_", ""), f.Name) || m.Offset.Bytes() != uint32(f.Offset) || size != int(f.Type.Size()) {
				t.Errorf("%s: %s at %d, %d bytes, in Go %s at %d, %d bytes", name, m.Name, m.Offset.Bytes(), size, f.Name, f.Offset, f.Type.Size())
			}
		}
	}
}

// TestGoAndTheKernelSideNumberAlike reads the enumerations of the header.
func TestGoAndTheKernelSideNumberAlike(t *testing.T) {
	text, err := os.ReadFile("bpf/interdict.h")
	if err != nil {
		t.Fatal(err)
	}
	c := enumerators(string(text))
	for name, value := range map[string]int{
		"T_FORK": recordFork, "T_EXEC": recordExec, "T_EXIT": recordExit, "T_TASK": recordTask, "T_ARGS": recordArgs, "T_ENV": recordEnv,
		"T_CGROUP": recordCgroup, "T_NET": recordNet, "T_FILE": recordFile, "T_UNIX": recordUnix,
		"C_PROCESS": classProcess, "C_NETWORK": classNetwork, "C_FILE": classFile, "C_PART": classPart,
		"H_INTEREST": headerInterest, "H_LOOK": headerLook,
		"X_ARGS_FAULT": execArgsFault, "X_ARGS_CUT": execArgsCut, "X_ARGS_PARTS": execArgsParts, "X_CGROUP_V1": execCgroupV1, "X_EXE_CUT": execExeCut,
		"X_CWD_CUT": execCwdCut, "X_MEMFD": execMemfd, "X_KTHREAD": execKthread,
		"HOW_NAME": howName, "HOW_INODE": howInode, "HOW_INHERITED": howInherited,
		"N_CONNECT": netConnect, "N_PROGRESS": netProgress, "N_FINAL": netFinal, "D_CONNECTED": destConnected,
		"F_PATH_CUT": fileCut, "S_INTEREST": stateInterest, "S_NO_INHERIT": stateNoInherit, "S_SESSION": stateSession,
		"TOOL_INBOUND": toolInbound, "TOOL_INBOUND_ARGS": toolInboundArgs, "TOOL_LOOK": toolLook,
		"PART": partBytes, "ARGV_PARTS": argsBytes / partBytes, "ENV_PARTS": envBytes / partBytes,
	} {
		if got, ok := c[name]; !ok || got != value {
			t.Errorf("%s is %d in C and %d in Go", name, got, value)
		}
	}
}

// enumerators gives the values of all enumerations in C text.
func enumerators(c string) map[string]int {
	values := map[string]int{}
	c = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(c, "")
	for _, body := range regexp.MustCompile(`(?s)enum[^{;]*\{(.*?)\}`).FindAllStringSubmatch(c, -1) {
		next := 0
		for one := range strings.SplitSeq(body[1], ",") {
			name, value, given := strings.Cut(strings.TrimSpace(one), "=")
			if given {
				next, _ = strconv.Atoi(strings.TrimSpace(value))
			}
			if name = strings.TrimSpace(name); name != "" {
				values[name] = next
				next++
			}
		}
	}
	return values
}
