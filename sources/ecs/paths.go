package ecs

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// maxEdges bounds what a node remembers of keys that the schema does not name,
// and of keys spelled with dots.
const maxEdges = 1024

// node is an object path, or a field when column is not negative; it may be both.
type node struct {
	name   string // whole dotted path
	column int
	edges  []edge
	table  []int32 // open addressing; edge number + 1
	inner  int     // edges that the schema itself has
	first  int32   // the edge that an object began with the last time
}

// edge is a key that was seen or is known. to is nil when nothing below it is wanted.
type edge struct {
	key  string
	to   *node
	next int32 // the edge that followed this one the last time
}

func newNode(name string) *node { return &node{name: name, column: -1} }

// insert adds a dotted field name.
func (n *node) insert(name string, column int) {
	for at := 0; ; {
		dot := strings.IndexByte(name[at:], '.')
		if dot < 0 {
			n.child(name[at:], name).column = column
			return
		}
		n = n.child(name[at:at+dot], name[:at+dot])
		at += dot + 1
	}
}

func (n *node) child(key, path string) *node {
	if i := n.find([]byte(key)); i >= 0 {
		return n.edges[i].to
	}
	to := newNode(path)
	n.link(key, to)
	n.inner++
	return to
}

func (n *node) link(key string, to *node) int {
	n.edges = append(n.edges, edge{key: key, to: to})
	if 2*len(n.edges) > len(n.table) {
		n.table = make([]int32, max(8, 4*len(n.edges)))
		n.table = n.table[:1<<log2(len(n.table))]
		for i := range n.edges {
			n.place(i)
		}
	} else {
		n.place(len(n.edges) - 1)
	}
	return len(n.edges) - 1
}

func log2(n int) (bits int) {
	for n > 1 {
		n >>= 1
		bits++
	}
	return bits
}

func (n *node) place(i int) {
	mask := uint32(len(n.table) - 1)
	h := hashKey([]byte(n.edges[i].key)) & mask
	for n.table[h] != 0 {
		h = (h + 1) & mask
	}
	n.table[h] = int32(i + 1)
}

func (n *node) find(key []byte) int {
	if len(n.table) == 0 {
		return -1
	}
	mask := uint32(len(n.table) - 1)
	for h := hashKey(key) & mask; n.table[h] != 0; h = (h + 1) & mask {
		if i := int(n.table[h]) - 1; n.edges[i].key == string(key) {
			return i
		}
	}
	return -1
}

// hashKey mixes length and both ends. Tables are bounded (maxEdges), so that
// keys chosen to collide cost a bounded walk.
func hashKey(k []byte) uint32 {
	var lo, hi uint64
	switch n := len(k); {
	case n >= 8:
		lo, hi = binary.LittleEndian.Uint64(k), binary.LittleEndian.Uint64(k[n-8:])
	case n >= 4:
		lo, hi = uint64(binary.LittleEndian.Uint32(k)), uint64(binary.LittleEndian.Uint32(k[n-4:]))
	case n > 0:
		lo = uint64(k[0]) | uint64(k[n>>1])<<8 | uint64(k[n-1])<<16
	}
	x := (lo ^ uint64(len(k))*0x9E3779B97F4A7C15) * 0xff51afd7ed558ccd
	x = (x ^ x>>32 ^ hi) * 0xc4ceb9fe1a85ec53
	return uint32(x >> 32)
}

// step finds the node for a key. last is the edge of the key before it, -1 at
// the beginning; at is the edge of this one. Documents of one kind have
// their keys in one order, so the edge that followed the last time comes first.
func (n *node) step(key []byte, last int) (to *node, at int) {
	guess := &n.first
	if last >= 0 {
		guess = &n.edges[last].next
	}
	if g := int(*guess); g < len(n.edges) && n.edges[g].key == string(key) {
		return n.edges[g].to, g
	}
	if at = n.find(key); at < 0 {
		to = n.resolve(key)
		if len(n.edges)-n.inner >= maxEdges {
			return to, last
		}
		*guess = int32(len(n.edges))
		return to, n.link(string(key), to)
	}
	*guess = int32(at)
	return n.edges[at].to, at
}

// resolve walks a key with dots through the schema; nil when it leaves it.
func (n *node) resolve(key []byte) *node {
	for n != nil {
		head, rest, dotted := bytes.Cut(key, []byte{'.'})
		i := n.find(head)
		if i < 0 {
			return nil
		}
		if n = n.edges[i].to; !dotted {
			return n
		}
		key = rest
	}
	return nil
}
