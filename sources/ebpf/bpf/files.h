/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Files that processes of interest open, and unix sockets that they connect to. */
#ifndef INTERDICT_FILES_H
#define INTERDICT_FILES_H

enum { START_FDS = 10 };

#if defined(__TARGET_ARCH_x86)
enum { NR_open = 2, NR_connect = 42, NR_openat = 257, NR_openat2 = 437 };
#define SYSCALL_NR(regs) ((long)(regs)->orig_ax)
#define SYSCALL_ARG1(regs) ((u32)(regs)->di)
#define SYSCALL_ARG2(regs) ((void *)(regs)->si)
#define SYSCALL_ARG3(regs) BPF_CORE_READ(regs, dx)
#define SYSCALL_OPEN_FLAGS(regs) BPF_CORE_READ(regs, si)
#elif defined(__TARGET_ARCH_arm64)
enum { NR_open = -1, NR_connect = 203, NR_openat = 56, NR_openat2 = 437 };
#define SYSCALL_NR(regs) ((long)(regs)->syscallno)
/* The first argument is overwritten by the result. */
#define SYSCALL_ARG1(regs) ((u32)(regs)->orig_x0)
#define SYSCALL_ARG2(regs) ((void *)BPF_CORE_READ(regs, user_regs.regs[1]))
#define SYSCALL_ARG3(regs) BPF_CORE_READ(regs, user_regs.regs[2])
#define SYSCALL_OPEN_FLAGS(regs) 0 /* it has no open */
#endif

/* A global function of numbers, as put_path is. */
__noinline int emit_file(u32 slot, u32 pid, u64 start, u64 file, u32 flags)
{
	struct scratch *s = scratch_at(slot);
	struct counters *c = my_counters();
	struct file *f = (void *)file;
	if (!s || !c)
		return 0;
	struct inode *inode = BPF_CORE_READ(f, f_inode);
	u32 mode = BPF_CORE_READ(inode, i_mode);
	if ((mode & S_IFMT) != S_IFREG)
		return 0;
	struct file_record *r = ENDS_AS_EXEC(s, struct file_record);
	fetch_add(&c->seen[C_FILE], 1);
	begin(c, &r->h, T_FILE, H_INTEREST);
	r->pid = pid;
	r->start = start;
	r->open_flags = BPF_CORE_READ(f, f_flags);
	r->ino = BPF_CORE_READ(inode, i_ino);
	r->size = BPF_CORE_READ(inode, i_size);
	r->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	r->uid = BPF_CORE_READ(inode, i_uid.val);
	r->mode = mode;
	r->flags = flags;
	r->by = bpf_get_current_uid_gid();
	u32 n = put_path(slot, 0, (u64)BPF_CORE_READ(f, f_path.mnt), (u64)BPF_CORE_READ(f, f_path.dentry));
	if (n >> 31)
		r->flags |= F_PATH_CUT;
	n &= 0xfff;
	r->path_len = n;
	sent(c, C_FILE, bpf_ringbuf_output(&ring, r, sizeof(*r) + n, BPF_RB_NO_WAKEUP));
	return 0;
}

static __always_inline struct file *file_at(struct task_struct *t, u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(t, files, fdt);
	struct file *f = NULL;
	if (fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	bpf_probe_read_kernel(&f, sizeof(f), BPF_CORE_READ(table, fd) + fd);
	return f;
}

/* What the shell opened for it: nc host port < file. */
static __always_inline void files_at_start(u32 slot, struct task_struct *t, u32 pid, u64 start)
{
	for (u32 fd = 0; fd < START_FDS; fd++) {
		struct file *f = file_at(t, fd);
		if (f)
			emit_file(slot, pid, start, (u64)f, F_INHERITED);
	}
}

/* The kernel forgets O_CREAT as soon as a file is open. */
static __always_inline u32 creates(struct pt_regs *regs, long nr)
{
	u64 flags = 0;
	if (nr == NR_openat)
		flags = SYSCALL_ARG3(regs);
	else if (nr == NR_openat2)
		bpf_probe_read_user(&flags, sizeof(flags), (void *)SYSCALL_ARG3(regs));
	else
		flags = SYSCALL_OPEN_FLAGS(regs);
	return flags & O_CREAT ? F_CREATES : 0;
}

static __always_inline void opened(struct counters *c, struct task_state *st, u32 fd, u32 flags)
{
	struct file *f = file_at((struct task_struct *)bpf_get_current_task(), fd);
	if (!f)
		return;
	u32 slot;
	struct scratch *s = claim(c, C_FILE, &slot);
	if (!s)
		return;
	emit_file(slot, st->pid, st->start, (u64)f, flags);
	release(s);
}

/* The process that called listen for the socket that fd is connected to. */
static __always_inline u32 peer_of(u32 fd)
{
	struct file *f = file_at((struct task_struct *)bpf_get_current_task(), fd);
	if (!f)
		return 0;
	struct socket *socket = BPF_CORE_READ(f, private_data);
	struct pid *peer = BPF_CORE_READ(socket, sk, sk_peer_pid);
	return number_of(peer);
}

static __always_inline void connected(struct counters *c, struct task_state *st, u32 fd, void *addr)
{
	u16 family = 0;
	if (bpf_probe_read_user(&family, sizeof(family), addr) || family != AF_UNIX)
		return;
	fetch_add(&c->seen[C_FILE], 1);
	struct unix_record r = {};
	begin(c, &r.h, T_UNIX, H_INTEREST);
	r.pid = st->pid;
	r.start = st->start;
	r.peer = peer_of(fd);
	long n = bpf_probe_read_user_str(r.path, sizeof(r.path), (char *)addr + sizeof(family));
	r.path_len = n < 0 ? 0 : n;
	sent(c, C_FILE, bpf_ringbuf_output(&ring, &r, sizeof(r), BPF_RB_FORCE_WAKEUP));
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_syscall, struct pt_regs *regs, long ret)
{
	long nr = SYSCALL_NR(regs);
	if (nr != NR_openat && nr != NR_openat2 && nr != NR_open && nr != NR_connect)
		return 0;
	if (ret < 0)
		return 0;
	struct task_state *st = state_of_current();
	struct counters *c = my_counters();
	if (!st || !c)
		return 0;
	if (nr == NR_connect)
		connected(c, st, SYSCALL_ARG1(regs), SYSCALL_ARG2(regs));
	else
		opened(c, st, ret, creates(regs, nr));
	return 0;
}

#endif
