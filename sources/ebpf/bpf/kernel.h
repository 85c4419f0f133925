/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The parts of the kernel's types that the sensor reads, kept by hand.
 * Offsets come from the running kernel's BTF at load (CO-RE), so only names
 * and types matter here. A ___suffix names an older or newer shape of a type. */
#ifndef INTERDICT_KERNEL_H
#define INTERDICT_KERNEL_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __le16;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

/* From the kernel's user ABI. */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1 };
enum { BPF_F_NO_PREALLOC = 1 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_LOCAL_STORAGE_GET_F_CREATE = 1 };
enum { AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10 };
enum { IPPROTO_TCP = 6, IPPROTO_UDP = 17 };
enum { MSG_PEEK = 2 };
enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2, TCP_FIN_WAIT1 = 4, TCP_CLOSE = 7, TCP_LAST_ACK = 9 };
enum { S_IFMT = 0170000, S_IFREG = 0100000 };
enum { O_ACCMODE = 3, O_WRONLY = 1, O_CREAT = 0100 };
enum { PID_LEVELS = 33 }; /* MAX_PID_NS_LEVEL, the first among them */
enum { PF_KTHREAD = 0x00200000, SIGNAL_GROUP_EXIT = 4 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct { int counter; } atomic_t;
typedef struct { u32 val; } kuid_t;
typedef struct { u32 val; } kgid_t;

struct qstr {
	union {
		struct { u32 hash, len; };
		u64 hash_len;
	};
	const unsigned char *name;
};
struct super_block { u32 s_dev; unsigned long s_magic; };
struct timespec64 { s64 tv_sec; long tv_nsec; };
struct inode {
	u16 i_mode;
	kuid_t i_uid;
	struct super_block *i_sb;
	unsigned long i_ino;
	u32 i_nlink;
	s64 i_size;
	s64 i_ctime_sec;
	u32 i_ctime_nsec;
};
struct inode___6_6 { struct timespec64 __i_ctime; };
struct inode___5_8 { struct timespec64 i_ctime; };
struct dentry { struct dentry *d_parent; struct qstr d_name; struct inode *d_inode; };
struct vfsmount { struct dentry *mnt_root; };
struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt; };
struct path { struct vfsmount *mnt; struct dentry *dentry; };
struct file { struct path f_path; struct inode *f_inode; unsigned int f_flags; void *private_data; };
struct fdtable { unsigned int max_fds; struct file **fd; };
struct files_struct { struct fdtable *fdt; };
struct fs_struct { struct path pwd; };

struct ns_common { u32 inum; };
struct pid_namespace { struct ns_common ns; };
struct mnt_namespace { struct ns_common ns; };
struct net { struct ns_common ns; };
struct nsproxy { struct mnt_namespace *mnt_ns; struct net *net_ns; };
struct upid { int nr; struct pid_namespace *ns; };
struct pid { unsigned int level; struct upid numbers[1]; };

struct kernfs_node { const char *name; u64 id; };
struct kernfs_node___6_15 { struct kernfs_node *__parent; };
struct kernfs_node___5_8 { struct kernfs_node *parent; };
struct cgroup { struct kernfs_node *kn; };
struct cgroup_subsys_state { struct cgroup *cgroup; };
enum cgroup_subsys_id { cpu_cgrp_id = 1, memory_cgrp_id = 4, pids_cgrp_id = 11, CGROUP_SUBSYS_COUNT };
struct css_set { struct cgroup_subsys_state *subsys[CGROUP_SUBSYS_COUNT]; struct cgroup *dfl_cgrp; };

struct tty_driver { int major, minor_start; };
struct tty_struct { struct tty_driver *driver; int index; };
enum { PIDTYPE_PGID = 2, PIDTYPE_SID = 3, PIDTYPE_MAX };
struct signal_struct { atomic_t live; int group_exit_code; unsigned int flags; struct pid *pids[PIDTYPE_MAX]; struct tty_struct *tty; };
struct mm_struct { unsigned long arg_start, arg_end, env_start, env_end; struct file *exe_file; };
struct cred { kuid_t uid; kgid_t gid; kuid_t euid; kgid_t egid; };
struct task_struct {
	unsigned int flags;
	int pid, tgid, exit_code;
	u64 start_boottime;
	struct task_struct *real_parent, *group_leader;
	struct mm_struct *mm;
	const struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct pid *thread_pid;
	struct css_set *cgroups;
	kuid_t loginuid;
	unsigned int sessionid;
};
struct linux_binprm { struct file *file; const char *filename, *interp; };

struct in6_addr { u8 s6_addr[16]; };
struct possible_net { struct net *net; };
struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	u16 skc_num;
	u16 skc_family;
	volatile u8 skc_state;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};
struct sock { struct sock_common __sk_common; u16 sk_protocol; struct pid *sk_peer_pid; };
struct socket { struct sock *sk; };
struct tcp_sock { u64 bytes_received, bytes_acked; u32 snd_una, write_seq; };

struct bpf_iter_meta { struct seq_file *seq; };
struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; };

#if defined(__TARGET_ARCH_x86)
struct pt_regs { unsigned long di, si, dx, r10, r8, r9, orig_ax; };
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs { u64 regs[31]; };
struct pt_regs { union { struct user_pt_regs user_regs; struct { u64 regs[31]; }; }; u64 orig_x0; s32 syscallno; };
#endif

#pragma clang attribute pop
#endif
