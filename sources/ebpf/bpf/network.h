/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Destinations of processes of interest, and bytes to and from them. */
#ifndef INTERDICT_NETWORK_H
#define INTERDICT_NETWORK_H

static __always_inline void emit_totals(struct counters *c, struct task_state *st, struct dest *d, u8 kind)
{
	u64 tx = d->tx, rx = d->rx;
	if (kind == N_FINAL && d->final && tx == d->sent_tx && rx == d->sent_rx)
		return;
	struct net_record r = {};
	fetch_add(&c->seen[C_NETWORK], 1);
	begin(c, &r.h, T_NET, H_INTEREST);
	r.pid = st->pid;
	r.start = st->start;
	r.epoch = d->epoch;
	r.tx = tx;
	r.rx = rx;
	__builtin_memcpy(r.laddr, d->laddr, 16);
	__builtin_memcpy(r.raddr, d->raddr, 16);
	r.lport = d->lport;
	r.rport = d->rport;
	r.family = d->family;
	r.proto = d->proto;
	r.kind = kind;
	r.flags = d->flags;
	r.uid = bpf_get_current_uid_gid();
	/* What did not go out stays due, and totals make up for it the next time. */
	if (!sent(c, C_NETWORK, bpf_ringbuf_output(&ring, &r, sizeof(r), wake(kind == N_PROGRESS ? 0 : H_INTEREST))))
		return;
	d->sent_tx = tx;
	d->sent_rx = rx;
	d->last = r.h.time;
	d->final = kind == N_FINAL;
}

static __always_inline void final_totals(struct counters *c, struct task_state *st)
{
	for (int i = 0; i < DESTS; i++)
		if (st->dest[i].key)
			emit_totals(c, st, &st->dest[i], N_FINAL);
}

/* The far and near end of a socket, as a slot wants them. False: not IP. */
static __always_inline bool ends(struct sock *sk, struct dest *e)
{
	u16 family = sk->__sk_common.skc_family;
	u64 *r = (u64 *)e->raddr;
	if (family == AF_INET) {
		*(u32 *)e->laddr = sk->__sk_common.skc_rcv_saddr;
		*(u32 *)e->raddr = sk->__sk_common.skc_daddr;
		e->family = 4;
	} else if (family == AF_INET6) {
		BPF_CORE_READ_INTO((struct in6_addr *)e->laddr, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)e->raddr, sk, __sk_common.skc_v6_daddr);
		e->family = 6;
	} else {
		return false;
	}
	e->lport = sk->__sk_common.skc_num;
	e->rport = __builtin_bswap16(sk->__sk_common.skc_dport);
	e->proto = sk->sk_protocol;
	e->key = (r[0] ^ (r[1] * 0x9e3779b97f4a7c15ULL) ^ ((u64)e->rport << 48 | (u64)e->proto << 40 | e->family)) | 1;
	return true;
}

static __always_inline bool same(struct dest *d, struct dest *e)
{
	u64 *a = (u64 *)d->raddr, *b = (u64 *)e->raddr;
	return d->key == e->key && a[0] == b[0] && a[1] == b[1] && d->rport == e->rport && d->proto == e->proto;
}

/* Threads of one process may want a slot at the same time. Who cannot get the
 * lock soon goes on without: its holder may be what was interrupted. */
static __always_inline bool lock(struct task_state *st)
{
	if (!have_atomics)
		return false;
	for (int i = 0; i < 64; i++)
		if (__sync_val_compare_and_swap(&st->lock, 0, 1) == 0)
			return true;
	return false;
}

static __always_inline void unlock(struct task_state *st, bool locked)
{
	if (locked)
		__sync_lock_test_and_set(&st->lock, 0);
}

/* The number of a slot, unknown to the verifier, which would look at all that
 * follows once for each number. The padding is always 0. */
static __always_inline u32 unknown(struct task_state *st, u32 n)
{
	return (n ^ st->dest[0].pad) & (2 * DESTS - 1);
}

/* The slot of a destination, DESTS when it has none. */
static __always_inline u32 find_slot(struct task_state *st, struct dest *e)
{
	u32 n = DESTS;
	for (u32 i = 0; i < DESTS; i++) {
		if (same(&st->dest[i], e)) {
			n = i;
			break;
		}
	}
	return unknown(st, n);
}

/* A slot that counts for nobody, DESTS when there is none. */
static __always_inline u32 free_slot(struct task_state *st)
{
	u32 n = DESTS;
	for (u32 i = 0; i < DESTS; i++) {
		if (!st->dest[i].key) {
			n = i;
			break;
		}
	}
	return unknown(st, n);
}

/* The slot that counts a destination. When all are taken, the totals of one go
 * out for good before it serves the new destination: nothing is forgotten. */
static __always_inline struct dest *slot(struct counters *c, struct task_state *st, struct dest *e, bool make)
{
	u32 n = find_slot(st, e);
	if (n < DESTS)
		return &st->dest[n];
	if (!make)
		return NULL;
	bool locked = lock(st);
	struct dest *d;
	n = find_slot(st, e);
	if (n < DESTS) {
		d = &st->dest[n];
		goto out;
	}
	n = free_slot(st);
	if (n >= DESTS) {
		n = st->evict++ & (DESTS - 1);
		emit_totals(c, st, &st->dest[n], N_FINAL);
	}
	d = &st->dest[n & (DESTS - 1)];
	u64 key = e->key;
	e->key = 0;
	e->epoch = ++st->epoch;
	*d = *e;
	*(volatile u64 *)&d->key = key; /* last: who looks without the lock sees all of it */
out:
	unlock(st, locked);
	return d;
}

static __always_inline struct task_state *state_of_current(void)
{
	struct task_state *st;
	if (have_task_storage) {
		struct task_struct *t = bpf_get_current_task_btf();
		st = find_state(t->group_leader);
	} else {
		u32 pid = bpf_get_current_pid_tgid() >> 32;
		st = bpf_map_lookup_elem(&tasks_by_pid, &pid);
	}
	return st && (st->flags & S_INTEREST) ? st : NULL;
}

static __always_inline void moved(struct sock *sk, int bytes, bool out)
{
	struct task_state *st;
	struct dest e = {};
	if (bytes <= 0 || !(st = state_of_current()) || !ends(sk, &e))
		return;
	struct counters *c = my_counters();
	struct dest *d = c ? slot(c, st, &e, true) : NULL;
	if (!d)
		return;
	d->lport = e.lport; /* is not chosen yet when connect begins */
	fetch_add(out ? &d->tx : &d->rx, bytes);
	if (bpf_ktime_get_boot_ns() - d->last >= (st->flags & S_SLOW ? SLOW_NS : EMIT_NS))
		emit_totals(c, st, d, N_PROGRESS);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(on_send, struct sock *sk, int ret, int flags)
{
	moved(sk, ret, true);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_receive, struct sock *sk, int ret, int flags)
{
	if (!(flags & MSG_PEEK))
		moved(sk, ret, false);
	return 0;
}

/* connect and close of TCP. The state changes in interrupts too, where the
 * current process is anyone: only a destination that it has already counts then. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int from, int to)
{
	struct task_state *st;
	struct dest e = {};
	if (to != TCP_SYN_SENT && to != TCP_FIN_WAIT1 && to != TCP_LAST_ACK && to != TCP_CLOSE)
		return 0;
	if (!(st = state_of_current()) || !ends(sk, &e))
		return 0;
	struct counters *c = my_counters();
	if (!c)
		return 0;
	bool counts = !have_sock_length && to != TCP_SYN_SENT && from != TCP_SYN_SENT && from != TCP_FIN_WAIT1 && from != TCP_LAST_ACK;
	struct dest *d = slot(c, st, &e, to == TCP_SYN_SENT || counts);
	if (!d)
		return 0;
	if (to == TCP_SYN_SENT) {
		d->flags |= D_CONNECTED;
		emit_totals(c, st, d, N_CONNECT);
		d->last = 0;
		return 0;
	}
	if (counts) {
		struct tcp_sock *tcp = (void *)sk;
		u32 unacked = BPF_CORE_READ(tcp, write_seq) - BPF_CORE_READ(tcp, snd_una);
		fetch_add(&d->tx, BPF_CORE_READ(tcp, bytes_acked) + unacked);
		fetch_add(&d->rx, BPF_CORE_READ(tcp, bytes_received));
	}
	emit_totals(c, st, d, N_FINAL);
	return 0;
}

#endif
