/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What kernel and user side agree on: every record of the ring and every map
 * value. Little endian, natural alignment, no hidden padding. The Go types are
 * generated from these, and a test compares both layouts. */
#ifndef INTERDICT_ABI_H
#define INTERDICT_ABI_H

enum {
	NAME_LEN = 32,        /* a tool's name with its NUL */
	PATH_PART = 2048,     /* bytes of one path at most; longer ones lose their first directories */
	FILENAME_PART = 1024, /* bytes of the name that was called, and of the interpreter's */
	ARGV_INLINE = 4096,   /* longer command lines come in parts before their record */
	PART = 4096,          /* bytes in one part */
	ARGV_PARTS = 32,      /* so 128 KiB of command line */
	ENV_PARTS = 4,        /* and 16 KiB of environment */
	STRINGS = 16384,      /* room for all strings of a record */
	SLOTS = 4,            /* scratch areas a CPU: programs of one CPU may preempt one another */
	DESTS = 8,            /* destinations that a process group counts at a time */
	EMIT_NS = 100000000,  /* totals of one destination leave the kernel this often at most */
	SLOW_NS = 1000000000,
};

enum type { T_FORK = 1, T_EXEC, T_EXIT, T_TASK, T_ARGS, T_ENV, T_CGROUP, T_NET, T_FILE, T_UNIX };
enum class { C_PROCESS, C_NETWORK, C_FILE, C_PART, CLASSES };

/* header.flags */
enum {
	H_INTEREST = 1,
	H_LOOK = 2, /* an executable that did not run before, or that runs others: user space should look at once */
};

struct header {
	__u8 type, flags;
	__u16 cpu;
	__u32 seq;  /* counts this CPU's records, also those that found no room */
	__u64 time; /* boot clock, ns */
};

struct fork_record {
	struct header h;
	__u32 pid, ppid;
	__u64 start, pstart;
};

struct exit_record {
	struct header h;
	__u32 pid, code; /* as wait(2) gives it */
	__u64 start;
};

/* exec_record.flags */
enum {
	X_ARGS_FAULT = 1, /* the command line could not be read */
	X_ARGS_CUT = 2,
	X_ARGS_PARTS = 4,
	X_CGROUP_V1 = 8, /* path_cgroup is of a version 1 hierarchy */
	X_EXE_CUT = 16,
	X_CWD_CUT = 32,
	X_MEMFD = 64,
	X_KTHREAD = 128,
};
/* how a tool was recognised */
enum { HOW_NONE, HOW_NAME, HOW_INODE, HOW_INHERITED };

/* Of an execution, and of a task that was there already (T_TASK, without
 * arguments). After it: exe, cwd (names from the leaf up, each with a NUL),
 * filename, interpreter, arguments: lengths as given. */
struct exec_record {
	struct header h;
	__u32 pid, ppid;
	__u64 start, pstart;
	__u32 uid, gid, euid, egid;
	__u32 loginuid, sessionid;
	__u32 tty; /* major << 20 | minor, 0: none */
	__u32 tid; /* the thread that called exec */
	__u32 pidns, mntns, netns, mode;
	__u32 sid, pgid;
	__u64 cgroup;      /* version 2 id */
	__u64 path_cgroup; /* the one whose path says most */
	__u64 ino;
	__u32 dev, nlink;
	__s64 ctime;      /* ns since 1970 */
	__u32 args_total; /* true length in bytes */
	__u32 flags;
	__u16 exe_len, cwd_len, filename_len, interp_len;
	__u16 args_len, tool, how, part_id;
	char comm[16];
};

/* A part of a command line or environment. */
struct part_record {
	struct header h;
	__u32 pid, offset, len, pad;
	__u64 start;
	char data[PART];
};

/* The path of a cgroup that no record mentioned before, names from the leaf up. */
struct cgroup_record {
	struct header h;
	__u64 id;
	__u32 v1, path_len;
};

enum { N_CONNECT = 1, N_PROGRESS, N_FINAL };
enum { D_CONNECTED = 1 /* this process group called connect */ };

/* Totals of one process group and destination since epoch began. */
struct net_record {
	struct header h;
	__u32 pid, epoch;
	__u64 start;
	__u64 tx, rx;
	__u8 laddr[16], raddr[16];
	__u16 lport, rport;
	__u8 family, proto, kind, flags; /* family: 4 or 6 */
	__u32 uid, pad;
};

/* file_record.flags */
enum { F_INHERITED = 1 /* open already when the tool started */, F_PATH_CUT = 2, F_CREATES = 4 /* opened to be made if it is not there */ };

/* A regular file that was opened; the path follows, names from the leaf up. */
struct file_record {
	struct header h;
	__u32 pid, open_flags;
	__u64 start;
	__u64 ino, size;
	__u32 dev, mode;
	__u32 uid, path_len;
	__u32 flags, by; /* by: the user who opened it */
};

/* A connection to a unix socket. */
struct unix_record {
	struct header h;
	__u32 pid, path_len;
	__u64 start;
	__u32 peer, pad; /* the process that listens there, 0: not known */
	char path[112];
};

/* Per CPU. seen = sent + lost_ring + lost_scratch, class by class. */
struct counters {
	__u64 seen[CLASSES], sent[CLASSES], lost_ring[CLASSES], lost_scratch[CLASSES];
	__u64 lost_state; /* no memory to follow a process of interest */
	__u64 faults;     /* user memory that could not be read */
	__u64 seq;
};

/* tool.flags */
enum {
	TOOL_INBOUND = 1,      /* always serves a login session */
	TOOL_INBOUND_ARGS = 2, /* with -f, -t or --server */
	TOOL_LOOK = 4,         /* no tool, but may run one by its arguments: busybox, ld.so */
};

struct tool {
	__u16 id, flags;
};
struct tool_name {
	char name[NAME_LEN];
};
struct tool_inode {
	__u64 ino;
	__u32 dev, pad;
};

struct dest {
	__u64 key; /* 0: free */
	__u8 laddr[16], raddr[16];
	__u16 lport, rport;
	__u8 family, proto, flags, final;
	__u32 epoch, pad;
	__u64 tx, rx, sent_tx, sent_rx, last;
};

/* task_state.flags */
enum {
	S_INTEREST = 1,
	S_NO_INHERIT = 2, /* children are not of interest */
	S_SESSION = 4,    /* the login service that a transfer came in through */
	S_FORKS = 8,      /* a login service: what it forks is too, until it executes something else */
	S_SLOW = 16,      /* totals leave the kernel once a second at most: no tool runs below it */
};
struct task_state {
	__u32 flags, pid;
	__u64 start;
	__u16 tool, how;
	__u32 epoch;
	__u32 evict, lock;
	struct dest dest[DESTS];
};

#endif
