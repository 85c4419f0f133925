package ebpf

// The objects are committed, so that building needs Go alone. Making them
// again takes clang 14, llvm-strip and the headers of libbpf 1.1.
//
//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -target amd64,arm64 -tags linux -go-package ebpf -output-stem kernel -type fork_record -type exec_record -type exit_record -type part_record -type cgroup_record -type net_record -type file_record -type unix_record -type counters -type tool -type tool_name -type tool_inode -type task_state -type dest kernel ./bpf/interdict.bpf.c -- -O2 -g -Wall -Werror -mcpu=v3
