/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Paths, written as names from the leaf up: user space turns them round. */
#ifndef INTERDICT_PATH_H
#define INTERDICT_PATH_H

enum { PATH_DEPTH = 80, CGROUP_DEPTH = 24, NAME_BYTES = 256 };

/* Writes the path of a vfsmount and dentry to str[off…] of a scratch area, at
 * most PATH_PART bytes, and gives their number; bit 31 tells that the path is
 * longer. A global function is verified once instead of at every call, which
 * is why it takes numbers. The length so far is kept in map memory: a number
 * that the verifier knows nothing of lets it see all rounds as one. */
__noinline u32 put_path(u32 slot, u32 off, u64 vfsmount, u64 dentry)
{
	struct vfsmount *vfs = (void *)vfsmount;
	struct dentry *d = (void *)dentry;
	struct mount *m = (void *)((char *)vfs - bpf_core_field_offset(struct mount, mnt));
	struct dentry *root = BPF_CORE_READ(vfs, mnt_root);
	struct scratch *s = scratch_at(slot);

	if (!s || off > STRINGS - PATH_PART - NAME_BYTES)
		return 0;
	u32 *length = &s->length;
	char *buf = s->str;
	*(volatile u32 *)length = 0;
	for (int i = 0; i < PATH_DEPTH; i++) {
		u32 n = *(volatile u32 *)length;
		if (n > PATH_PART - NAME_BYTES)
			return n | 1u << 31;
		if (d == root) {
			struct mount *up = BPF_CORE_READ(m, mnt_parent);
			if (up == m)
				return n;
			d = BPF_CORE_READ(m, mnt_mountpoint);
			m = up;
			root = BPF_CORE_READ(m, mnt.mnt_root);
			continue;
		}
		struct dentry *parent = BPF_CORE_READ(d, d_parent);
		if (parent == d && n)
			return n;
		struct qstr name = BPF_CORE_READ(d, d_name);
		u32 len = name.len & (NAME_BYTES - 1);
		char *at = buf + off + n;
		if (bpf_probe_read_kernel(at, len, name.name))
			return n;
		at[len] = 0;
		*(volatile u32 *)length = n + len + 1;
		if (parent == d) /* belongs to no directory: memfd, pipe */
			return n + len + 1;
		d = parent;
	}
	return *(volatile u32 *)length | 1u << 31;
}

__noinline u32 put_cgroup_path(u32 slot, u64 node)
{
	struct kernfs_node *kn = (void *)node;
	struct scratch *s = scratch_at(slot);
	if (!s)
		return 0;
	char *buf = s->str;
	u32 n = 0;
	for (int i = 0; i < CGROUP_DEPTH; i++) {
		struct kernfs_node *up = kernfs_parent(kn);
		if (!up || n > PATH_PART || BPF_CORE_READ(kn, id) == cgroup_root)
			break;
		const char *name = BPF_CORE_READ(kn, name);
		long len = bpf_probe_read_kernel_str(buf + n, NAME_BYTES, name);
		if (len <= 0 || len > NAME_BYTES)
			break;
		n += len;
		kn = up;
	}
	return n;
}

#endif
