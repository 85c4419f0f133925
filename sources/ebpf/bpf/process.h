/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* fork, exec and exit of whole processes. */
#ifndef INTERDICT_PROCESS_H
#define INTERDICT_PROCESS_H

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct counters *c = my_counters();
	if (!c)
		return 0;
	struct task_struct *leader = parent->group_leader;
	struct task_state *st = find_state(leader), *own;
	u8 interest = 0;
	if (st && (st->flags & S_INTEREST) && !(st->flags & S_NO_INHERIT)) {
		/* A thread has a state of its own for the case that it calls exec:
		 * it then takes the place of a leader whose state is gone. */
		bool thread = child->pid != child->tgid;
		if (have_task_storage || !thread) {
			own = make_state(c, child);
			if (own) {
				own->flags = S_INTEREST;
				own->tool = st->tool;
				own->how = HOW_INHERITED;
			}
		}
		interest = H_INTEREST;
	} else if (st && (st->flags & S_FORKS) && child->pid == child->tgid) {
		own = make_state(c, child);
		if (own)
			own->flags = st->flags;
	}
	if (child->pid != child->tgid || !in_scope(child))
		return 0;

	fetch_add(&c->seen[C_PROCESS], 1);
	struct task_struct *from = child->real_parent->group_leader;
	struct fork_record r = {};
	begin(c, &r.h, T_FORK, interest);
	r.pid = number(child);
	r.ppid = number(from);
	r.start = child->start_boottime;
	r.pstart = from->start_boottime;
	sent(c, C_PROCESS, bpf_ringbuf_output(&ring, &r, sizeof(r), BPF_RB_NO_WAKEUP));
	return 0;
}

static __always_inline void end_of_process(struct task_struct *t)
{
	struct counters *c = my_counters();
	if (!c)
		return;
	struct task_struct *leader = t->group_leader;
	struct task_state *st = find_state(leader);
	u8 interest = 0;
	if (st && (st->flags & S_INTEREST)) {
		interest = H_INTEREST;
		final_totals(c, st);
	}
	if ((!interest && !in_scope(t)) || (pid_namespace && !number(t)))
		return;

	fetch_add(&c->seen[C_PROCESS], 1);
	struct exit_record r = {};
	begin(c, &r.h, T_EXIT, interest);
	r.pid = number(t);
	r.start = leader->start_boottime;
	r.code = t->signal->flags & SIGNAL_GROUP_EXIT ? t->signal->group_exit_code : leader->exit_code;
	sent(c, C_PROCESS, bpf_ringbuf_output(&ring, &r, sizeof(r), wake(interest)));
	if (!have_task_storage && interest) {
		u32 pid = t->tgid;
		bpf_map_delete_elem(&tasks_by_pid, &pid);
	}
}

SEC("tp_btf/sched_process_exit")
int on_exit(u64 *ctx)
{
	struct task_struct *t = (void *)ctx[0];
	if (have_group_dead ? !(ctx[1] & 1) : t->signal->live.counter != 0)
		return 0;
	end_of_process(t);
	return 0;
}

static __always_inline s64 change_time(struct inode *inode)
{
	if (bpf_core_field_exists(inode->i_ctime_sec))
		return inode->i_ctime_sec * 1000000000LL + inode->i_ctime_nsec;
	struct inode___6_6 *mid = (void *)inode;
	if (bpf_core_field_exists(mid->__i_ctime))
		return BPF_CORE_READ(mid, __i_ctime.tv_sec) * 1000000000LL + BPF_CORE_READ(mid, __i_ctime.tv_nsec);
	struct inode___5_8 *old = (void *)inode;
	return BPF_CORE_READ(old, i_ctime.tv_sec) * 1000000000LL + BPF_CORE_READ(old, i_ctime.tv_nsec);
}

/* The cgroup whose path says most: version 2, or where that is the root, the
 * version 1 hierarchies that container engines use. */
static __always_inline struct kernfs_node *telling_cgroup(struct task_struct *t, u32 *v1)
{
	struct css_set *set = t->cgroups;
	struct kernfs_node *kn = BPF_CORE_READ(set, dfl_cgrp, kn), *other;
	*v1 = 0;
	if (kernfs_parent(kn))
		return kn;
#define TRY(id)                                                                                     \
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, id)) {                                 \
		other = BPF_CORE_READ(set, subsys[bpf_core_enum_value(enum cgroup_subsys_id, id)], cgroup, kn); \
		if (other && kernfs_parent(other)) {                                                 \
			*v1 = 1;                                                                     \
			return other;                                                                \
		}                                                                                    \
	}
	TRY(memory_cgrp_id)
	TRY(pids_cgrp_id)
	TRY(cpu_cgrp_id)
#undef TRY
	return kn;
}

static __always_inline void tell_cgroup(struct counters *c, struct kernfs_node *kn, u64 id, u32 v1)
{
	u64 key = id ^ (u64)v1 << 63;
	u8 told = 1;
	if (bpf_map_lookup_elem(&cgroups_told, &key))
		return;
	u32 slot;
	struct scratch *s = claim(c, C_PART, &slot);
	if (!s)
		return;
	struct cgroup_record *r = ENDS_AS_EXEC(s, struct cgroup_record);
	begin(c, &r->h, T_CGROUP, 0);
	r->id = id;
	r->v1 = v1;
	u32 n = put_cgroup_path(slot, (u64)kn);
	r->path_len = n;
	fetch_add(&c->seen[C_PART], 1);
	if (n <= PATH_PART + NAME_BYTES &&
	    sent(c, C_PART, bpf_ringbuf_output(&ring, r, sizeof(*r) + n, BPF_RB_NO_WAKEUP)))
		bpf_map_update_elem(&cgroups_told, &key, &told, BPF_ANY);
	release(s);
}

static __always_inline u32 tty_number(struct task_struct *t)
{
	struct tty_struct *tty = t->signal->tty;
	if (!tty)
		return 0;
	return tty->driver->major << 20 | (tty->driver->minor_start + tty->index);
}

static __always_inline u32 namespace_of(struct task_struct *t)
{
	struct pid *p = t->thread_pid;
	u32 level = BPF_CORE_READ(p, level);
	struct pid_namespace *ns = NULL;
	void *at = (char *)p + bpf_core_field_offset(struct pid, numbers) +
		   (level & 63) * bpf_core_type_size(struct upid) + bpf_core_field_offset(struct upid, ns);
	bpf_probe_read_kernel(&ns, sizeof(ns), at);
	return BPF_CORE_READ(ns, ns.inum);
}

/* Everything about a task but its strings. */
static __always_inline void describe(struct exec_record *r, struct task_struct *t)
{
	struct task_struct *parent = t->real_parent->group_leader;
	const struct cred *cred = t->cred;
	struct nsproxy *ns = t->nsproxy;

	r->pid = number(t);
	r->ppid = number(parent);
	r->start = t->group_leader->start_boottime;
	r->pstart = parent->start_boottime;
	r->uid = cred->uid.val;
	r->gid = cred->gid.val;
	r->euid = cred->euid.val;
	r->egid = cred->egid.val;
	r->loginuid = r->sessionid = ~0u;
	if (bpf_core_field_exists(t->loginuid)) {
		r->loginuid = t->loginuid.val;
		r->sessionid = t->sessionid;
	}
	r->tty = tty_number(t);
	r->pidns = namespace_of(t);
	r->mntns = ns->mnt_ns->ns.inum;
	r->netns = ns->net_ns->ns.inum;
	r->pgid = number_of(BPF_CORE_READ(t, signal, pids[PIDTYPE_PGID]));
	r->sid = number_of(BPF_CORE_READ(t, signal, pids[PIDTYPE_SID]));
	r->cgroup = t->cgroups->dfl_cgrp->kn->id;
	r->args_total = r->flags = 0;
	r->exe_len = r->cwd_len = r->filename_len = r->interp_len = 0;
	r->args_len = r->tool = r->how = r->part_id = 0;
	__builtin_memcpy(r->comm, t->comm, sizeof(r->comm));
}

/* Of the executable: its inode. */
static __always_inline void describe_exe(struct exec_record *r, struct file *exe)
{
	struct inode *inode = exe->f_inode;
	r->ino = inode->i_ino;
	r->dev = inode->i_sb->s_dev;
	r->nlink = inode->i_nlink;
	r->mode = inode->i_mode;
	r->ctime = change_time(inode);
}

/* exe and cwd, at the beginning of the strings. Gives the bytes used. */
static __always_inline u32 put_paths(struct scratch *s, u32 slot, struct task_struct *t, struct file *exe)
{
	struct exec_record *r = &s->exec;
	u32 exe_len = 0, cwd_len = 0;
	if (exe) {
		exe_len = put_path(slot, 0, (u64)BPF_CORE_READ(exe, f_path.mnt), (u64)BPF_CORE_READ(exe, f_path.dentry));
		if (exe_len >> 31)
			r->flags |= X_EXE_CUT;
		exe_len &= 0xfff;
		/* A memfd has no directory and is called "memfd:" and its name. */
		if (!r->nlink && *(u32 *)s->str == 0x666d656d /* "memf" */)
			r->flags |= X_MEMFD;
	}
	struct fs_struct *fs = t->fs;
	if (fs) {
		cwd_len = put_path(slot, exe_len, (u64)BPF_CORE_READ(fs, pwd.mnt), (u64)BPF_CORE_READ(fs, pwd.dentry));
		if (cwd_len >> 31)
			r->flags |= X_CWD_CUT;
		cwd_len &= 0xfff;
	}
	r->exe_len = exe_len;
	r->cwd_len = cwd_len;
	return exe_len + cwd_len;
}

static __always_inline u32 put_kernel_string(struct scratch *s, u32 off, const char *from)
{
	if (off > STRINGS - FILENAME_PART)
		return 0;
	long n = bpf_probe_read_kernel_str(s->str + off, FILENAME_PART, from);
	return n < 0 || n > FILENAME_PART ? 0 : n;
}

/* One part of user memory, a record of its own before the record that it
 * belongs to. Gives the bytes that are on their way, 0 when it failed. */
static __always_inline u32 send_part(struct counters *c, struct exec_record *r, u64 from, u32 off, u32 len, u8 type)
{
	fetch_add(&c->seen[C_PART], 1);
	struct part_record *p = bpf_ringbuf_reserve(&ring, sizeof(*p), 0);
	if (!sent(c, C_PART, p ? 0 : -1)) {
		fetch_add(&c->seq, 1);
		return 0;
	}
	if (!p) /* for the verifier */
		return 0;
	begin(c, &p->h, type, 0);
	p->pid = r->pid;
	p->start = r->start;
	p->offset = off;
	p->pad = 0;
	if (len > PART)
		len = PART;
	if (bpf_probe_read_user(p->data, len, (void *)(from + off))) {
		len = 0;
		fetch_add(&c->faults, 1);
	}
	p->len = len;
	bpf_ringbuf_submit(p, BPF_RB_NO_WAKEUP);
	return len;
}

/* User memory in parts. The bytes sent so far are kept in map memory, for the
 * same reason as in put_path. */
__noinline u32 send_parts(u32 slot, u64 from, u32 total, u32 type)
{
	struct scratch *s = scratch_at(slot);
	struct counters *c = my_counters();
	if (!s || !c)
		return 0;
	volatile u32 *off = &s->length;
	*off = 0;
	for (int i = 0; i < ARGV_PARTS; i++) {
		u32 at = *off;
		if (at >= total)
			break;
		u32 len = send_part(c, &s->exec, from, at, total - at, type);
		if (!len)
			break;
		*off = at + len;
	}
	return *off;
}

static __always_inline u32 at_most(u64 n, u32 most)
{
	return n > most ? most : n;
}

static __always_inline u32 put_args(struct counters *c, struct scratch *s, u32 slot, u32 off, struct mm_struct *mm)
{
	struct exec_record *r = &s->exec;
	u64 from = mm->arg_start, to = mm->arg_end;
	u64 total = to > from ? to - from : 0;
	r->args_total = total;
	if (total >= ARGV_INLINE) {
		r->flags |= X_ARGS_PARTS;
		u32 got = send_parts(slot, from, at_most(total, ARGV_PARTS * PART), T_ARGS);
		if (got < total)
			r->flags |= X_ARGS_CUT;
		return 0;
	}
	if (off > STRINGS - ARGV_INLINE)
		return 0;
	u32 len = total & (ARGV_INLINE - 1);
	if (bpf_probe_read_user(s->str + off, len, (void *)from)) {
		r->flags |= X_ARGS_FAULT;
		fetch_add(&c->faults, 1);
		return 0;
	}
	r->args_len = len;
	return len;
}

static __always_inline struct tool *find_tool(struct exec_record *r, struct task_struct *t, struct file *exe, bool *look)
{
	struct tool_name name = {};
	struct tool_inode inode = { .ino = r->ino, .dev = r->dev };
	struct tool *tool;

	const unsigned char *leaf = exe->f_path.dentry->d_name.name;
	bpf_probe_read_kernel_str(&name, sizeof(name), leaf);
	r->how = HOW_NAME;
	tool = bpf_map_lookup_elem(&tool_names, &name);
	if (tool && !(tool->flags & TOOL_LOOK))
		return tool;
	struct tool_name comm = {};
	__builtin_memcpy(comm.name, r->comm, sizeof(r->comm));
	tool = bpf_map_lookup_elem(&tool_names, &comm);
	if (tool && !(tool->flags & TOOL_LOOK))
		return tool;
	*look = tool != NULL;
	r->how = HOW_INODE;
	tool = bpf_map_lookup_elem(&tool_inodes, &inode);
	if (!tool)
		r->how = HOW_NONE;
	return tool;
}

/* A tool that serves a login session is started with -f, -t or --server. */
__noinline int serves(u32 slot, u32 off, u32 len)
{
	struct scratch *s = scratch_at(slot);
	if (!s || off > STRINGS - ARGV_INLINE)
		return false;
	char *args = s->str + off;
	for (u32 i = 0; i < 96; i++) {
		if (i + 8 > len)
			break;
		u64 at = *(u64 *)(args + i);
		if ((u32)at == 0x00662d00 /* "\0-f\0" */ || (u32)at == 0x00742d00 /* "\0-t\0" */ ||
		    at == 0x65767265732d2d00 /* "\0--serve" */ )
			return true;
	}
	return false;
}

static __always_inline bool is_login_service(struct task_struct *t)
{
	u64 comm[2];
	BPF_CORE_READ_INTO((char(*)[16])comm, t, comm);
	return (u32)comm[0] == 0x64687373 /* "sshd" */ || (comm[0] & 0xffffffffff) == 0x62706f7264 /* "dropb" */;
}

/* Bytes of an inbound transfer are on the socket of the login service above it. */
static __always_inline void follow_session(struct counters *c, struct task_struct *t, u16 tool)
{
	struct task_struct *up = t->real_parent->group_leader;
	for (int i = 0; i < 4; i++) {
		if (is_login_service(up)) {
			struct task_state *st = make_state(c, up);
			if (st && !(st->flags & S_INTEREST)) {
				st->flags = S_INTEREST | S_NO_INHERIT | S_SESSION;
				st->tool = tool;
			} else if (st) {
				st->flags &= ~S_SLOW;
			}
			return;
		}
		up = up->real_parent->group_leader;
	}
}

/* The first run of an executable since the sensor began, or of this version of it. */
static __always_inline bool first_run(struct exec_record *r)
{
	u64 key = (r->ino ^ (u64)r->dev << 40) * 0x9e3779b97f4a7c15ULL ^ r->ctime;
	u8 one = 1;
	if (bpf_map_lookup_elem(&exes_seen, &key))
		return false;
	bpf_map_update_elem(&exes_seen, &key, &one, BPF_ANY);
	return true;
}

/* Gives the record's header flags. */
static __always_inline u8 judge(struct counters *c, struct scratch *s, u32 slot, struct task_struct *t, struct file *exe, u32 args)
{
	struct exec_record *r = &s->exec;
	struct task_state *st = find_state(t);
	bool look = false;
	struct tool *tool = find_tool(r, t, exe, &look);
	if (st && (st->flags & S_FORKS))
		st->flags = 0; /* no login service any more, or one of its own */
	if (!tool && is_login_service(t) && !(st && (st->flags & S_INTEREST))) {
		st = make_state(c, t);
		if (st)
			st->flags = S_INTEREST | S_NO_INHERIT | S_SESSION | S_FORKS | S_SLOW;
	}
	if (!tool) {
		u8 flags = look || first_run(r) ? H_LOOK : 0;
		if (!st || !(st->flags & S_INTEREST) || (st->flags & S_NO_INHERIT))
			return flags;
		r->how = HOW_INHERITED;
		st->pid = r->pid; /* a thread that called exec became the leader */
		st->start = r->start;
		return H_INTEREST | flags;
	}
	r->tool = tool->id;
	st = make_state(c, t);
	if (st) {
		st->flags = S_INTEREST;
		st->tool = tool->id;
		st->how = r->how;
	}
	if ((tool->flags & TOOL_INBOUND) || ((tool->flags & TOOL_INBOUND_ARGS) && serves(slot, args, r->args_len)))
		follow_session(c, t, tool->id);
	return H_INTEREST;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *t, int old_pid, struct linux_binprm *bprm)
{
	struct counters *c = my_counters();
	if (!c || !in_scope(t))
		return 0;
	u32 v1, slot;
	struct kernfs_node *kn = telling_cgroup(t, &v1);
	u64 kn_id = BPF_CORE_READ(kn, id);
	tell_cgroup(c, kn, kn_id, v1);

	struct scratch *s = claim(c, C_PROCESS, &slot);
	if (!s)
		return 0;
	fetch_add(&c->seen[C_PROCESS], 1);
	struct exec_record *r = &s->exec;
	struct mm_struct *mm = t->mm;
	struct file *exe = bprm->file; /* what mm->exe_file is, and never NULL */
	describe(r, t);
	r->tid = pid_namespace ? r->pid : old_pid;
	r->path_cgroup = kn_id;
	r->flags |= v1 * X_CGROUP_V1; /* by arithmetic: a branch has the verifier tell both cases apart to the end */
	describe_exe(r, exe);
	u32 off = put_paths(s, slot, t, exe);
	r->filename_len = put_kernel_string(s, off & 0x1fff, bprm->filename);
	off += r->filename_len;
	if (bprm->interp != bprm->filename) {
		r->interp_len = put_kernel_string(s, off & 0x1fff, bprm->interp);
		off += r->interp_len;
	}
	off &= 0x1fff;
	u32 args = off;
	off += put_args(c, s, slot, off, mm);
	u8 flags = judge(c, s, slot, t, exe, args);
	if (flags & H_INTEREST) {
		u64 env = mm->env_start, env_end = mm->env_end;
		if (env_end > env)
			send_parts(slot, env, at_most(env_end - env, ENV_PARTS * PART), T_ENV);
	}
	begin(c, &r->h, T_EXEC, flags);
	off &= STRINGS - 1;
	sent(c, C_PROCESS, bpf_ringbuf_output(&ring, r, sizeof(*r) + off, wake(flags)));
	if (flags & H_INTEREST)
		files_at_start(slot, t, r->pid, r->start);
	release(s);
	return 0;
}

/* Tasks that are there already. */
SEC("iter/task")
int enumerate(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct counters *c = my_counters();
	if (!t || !c || t->pid != t->tgid || !in_scope(t))
		return 0;
	u32 v1, slot;
	struct scratch *s = claim(c, C_PART, &slot);
	if (!s)
		return 0;
	struct kernfs_node *kn = telling_cgroup(t, &v1);
	struct exec_record *r = &s->exec;
	struct mm_struct *mm = t->mm;
	struct file *exe = mm ? mm->exe_file : NULL;
	__builtin_memset(&r->h, 0, sizeof(r->h));
	r->h.type = T_TASK;
	r->ino = r->dev = r->nlink = r->mode = r->ctime = 0;
	describe(r, t);
	r->tid = r->pid;
	r->path_cgroup = BPF_CORE_READ(kn, id);
	r->flags |= v1 * X_CGROUP_V1;
	if (t->flags & PF_KTHREAD)
		r->flags |= X_KTHREAD;
	if (exe)
		describe_exe(r, exe);
	u32 off = put_paths(s, slot, t, exe) & 0x1fff;
	bpf_seq_write(ctx->meta->seq, r, sizeof(*r) + off);
	release(s);
	return 0;
}

#endif
