// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// The kernel side of the sensor. See interdict.h for what it tells.
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "interdict.h"

#include "core.h"
#include "path.h"
#include "network.h"
#include "files.h"
#include "process.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* So that the types are known to the Go side, which is generated from them. */
const struct fork_record *abi_fork __attribute__((unused));
const struct exec_record *abi_exec __attribute__((unused));
const struct part_record *abi_part __attribute__((unused));
const struct cgroup_record *abi_cgroup __attribute__((unused));
const struct file_record *abi_file __attribute__((unused));
const struct exit_record *abi_exit __attribute__((unused));
const struct net_record *abi_net __attribute__((unused));
const struct unix_record *abi_unix __attribute__((unused));
const struct part_record *abi_part __attribute__((unused));
const struct cgroup_record *abi_cgroup __attribute__((unused));
