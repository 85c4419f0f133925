// Package parse turns ES|QL text into a tree in which every node knows its
// place. It knows the language's form; whether names and types fit is checked
// by package esql.
//
// [Parse] never panics and takes time linear in the text. Nesting is bounded by
// [MaxDepth].
package parse
