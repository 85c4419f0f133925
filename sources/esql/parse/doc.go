// Package parse turns ES|QL text into a tree in which every node knows its place.
//
// It knows the grammar and nothing else: no fields, no types, no functions. Any
// text ends in a [Query] or an [Error]; nesting and size are bounded, and the
// package never panics. The grammar is read from the public documentation and
// written by hand.
package parse
