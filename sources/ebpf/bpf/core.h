/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Maps, settings, counters and how a record leaves the kernel. */
#ifndef INTERDICT_CORE_H
#define INTERDICT_CORE_H

/* Set before loading; the verifier removes what a kernel does not have. */
const volatile bool have_atomics = true;      /* 5.12: without it programs are not preempted either */
const volatile bool have_task_storage = true; /* 5.12 */
const volatile bool have_group_dead = false;  /* sched_process_exit says whether the group ended */
const volatile bool have_sock_length = true;  /* sock_send_length, sock_recv_length: 6.2 */
const volatile u64 scope = 0;                 /* version 2 cgroup to stay inside of, 0: everything */
const volatile u64 cgroup_root = 0;           /* version 2 cgroup that paths begin below, 0: the first */
const volatile u32 pid_namespace = 0;         /* numbers and visibility of processes are those of this one, 0: the first */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 32 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct counters);
} cpu_counters SEC(".maps");

/* Room to put a record together. A program may be preempted by another one on
 * the same CPU, so areas are claimed; none left is a counted loss. */
struct scratch {
	u32 busy, length;
	struct exec_record exec; /* the strings follow every kind of record at once, so shorter ones end where it ends */
	char str[STRINGS];
};
#define ENDS_AS_EXEC(s, type) ((type *)((char *)&(s)->exec + sizeof((s)->exec) - sizeof(type)))
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tool_name);
	__type(value, struct tool);
} tool_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tool_inode);
	__type(value, struct tool);
} tool_inodes SEC(".maps");

/* What is known of a process of interest, by its group leader. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} tasks SEC(".maps");

/* The same by process id for kernels without task storage. It forgets the
 * longest unused instead of taking no more. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct task_state);
} tasks_by_pid SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct task_state);
} no_state SEC(".maps");

/* Executables that ran before, by inode and change time. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u8);
} exes_seen SEC(".maps");

/* Cgroups whose path has been told. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, u8);
} cgroups_told SEC(".maps");

static __always_inline u64 fetch_add(u64 *p, u64 n)
{
	if (have_atomics)
		return __sync_fetch_and_add(p, n);
	u64 v = *p;
	*p = v + n;
	return v;
}

static __always_inline struct counters *my_counters(void)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(&cpu_counters, &zero);
}

/* The number of the area goes through map memory, where the verifier loses sight
 * of it: it would look at all that follows once for each area. */
static __always_inline struct scratch *claim(struct counters *c, enum class class, u32 *slot)
{
	for (u32 i = 0; i < SLOTS; i++) {
		u32 key = i;
		struct scratch *s = bpf_map_lookup_elem(&scratches, &key);
		if (!s)
			break;
		if (have_atomics && __sync_val_compare_and_swap(&s->busy, 0, 1) != 0)
			continue;
		*(volatile u32 *)&s->length = i;
		*slot = *(volatile u32 *)&s->length;
		return s;
	}
	fetch_add(&c->seen[class], 1);
	fetch_add(&c->lost_scratch[class], 1);
	fetch_add(&c->seq, 1);
	return NULL;
}

static __always_inline struct scratch *scratch_at(u32 slot)
{
	return bpf_map_lookup_elem(&scratches, &slot);
}

static __always_inline void release(struct scratch *s)
{
	if (have_atomics)
		__sync_lock_test_and_set(&s->busy, 0);
}

static __always_inline void begin(struct counters *c, struct header *h, u8 type, u8 flags)
{
	h->type = type;
	h->flags = flags;
	h->cpu = bpf_get_smp_processor_id();
	h->seq = fetch_add(&c->seq, 1);
	h->time = bpf_ktime_get_boot_ns();
}

/* Readers look every few milliseconds; only what is urgent wakes them. */
static __always_inline u64 wake(u8 flags)
{
	return flags ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline bool sent(struct counters *c, enum class class, long err)
{
	fetch_add(err ? &c->lost_ring[class] : &c->sent[class], 1);
	return !err;
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___6_15 *now = (void *)kn;
	if (bpf_core_field_exists(now->__parent))
		return BPF_CORE_READ(now, __parent);
	struct kernfs_node___5_8 *old = (void *)kn;
	return BPF_CORE_READ(old, parent);
}

/* A process as the sensor's own namespace numbers it; 0: it is not in there. A
 * global function of numbers, as put_path is. */
__noinline u32 own_number(u64 pid)
{
	struct pid *p = (void *)pid;
	u32 level = BPF_CORE_READ(p, level);
	for (u32 i = 1; i < PID_LEVELS && i <= level; i++) {
		struct pid_namespace *ns = NULL;
		int nr = 0;
		char *at = (char *)p + bpf_core_field_offset(struct pid, numbers) + i * bpf_core_type_size(struct upid);
		bpf_probe_read_kernel(&ns, sizeof(ns), at + bpf_core_field_offset(struct upid, ns));
		if (BPF_CORE_READ(ns, ns.inum) != pid_namespace)
			continue;
		bpf_probe_read_kernel(&nr, sizeof(nr), at + bpf_core_field_offset(struct upid, nr));
		return nr;
	}
	return 0;
}

static __always_inline u32 number_of(struct pid *p)
{
	if (!p)
		return 0;
	return pid_namespace ? own_number((u64)p) : BPF_CORE_READ(p, numbers[0].nr);
}

static __always_inline u32 number(struct task_struct *t)
{
	if (!pid_namespace)
		return t->tgid;
	return number_of(BPF_CORE_READ(t, group_leader, thread_pid));
}

static __always_inline bool in_scope(struct task_struct *t)
{
	if (pid_namespace && !number(t))
		return false;
	if (!scope)
		return true;
	struct kernfs_node *kn = t->cgroups->dfl_cgrp->kn;
	for (int i = 0; i < 32 && kn; i++) {
		if (BPF_CORE_READ(kn, id) == scope)
			return true;
		kn = kernfs_parent(kn);
	}
	return false;
}

static __always_inline struct task_state *find_state(struct task_struct *leader)
{
	if (have_task_storage)
		return bpf_task_storage_get(&tasks, leader, 0, 0);
	u32 pid = leader->pid;
	return bpf_map_lookup_elem(&tasks_by_pid, &pid);
}

static __always_inline struct task_state *make_state(struct counters *c, struct task_struct *leader)
{
	struct task_state *st;
	if (have_task_storage) {
		st = bpf_task_storage_get(&tasks, leader, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	} else {
		u32 zero = 0, pid = leader->pid;
		struct task_state *none = bpf_map_lookup_elem(&no_state, &zero);
		if (!none)
			return NULL;
		bpf_map_update_elem(&tasks_by_pid, &pid, none, BPF_NOEXIST);
		st = bpf_map_lookup_elem(&tasks_by_pid, &pid);
	}
	if (!st) {
		fetch_add(&c->lost_state, 1);
		return NULL;
	}
	st->pid = number(leader);
	st->start = leader->start_boottime;
	return st;
}

#endif
