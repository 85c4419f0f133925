//go:build linux || darwin

package respond

import "syscall"

// freeBytes is what an unprivileged writer may still use.
func freeBytes(dir string) (int64, bool) {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}
