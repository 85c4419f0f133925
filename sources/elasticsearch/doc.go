// Package elasticsearch asks a cluster and ships events to one.
//
// [Open] connects. [Cluster.History] is a [sources.History]: the text of a
// question goes to the cluster as it is, with the window and the filter as a
// filter beside it, and is never evaluated here. [Cluster.Source] is a
// [sources.Source] of what transfer tools do, as it is indexed.
//
// What is changed in a text before it is sent: now() becomes the question's own
// time, a field of the catalogue that no index has becomes a null column, and a
// limit is added. Places in errors are those of the text as it was given.
//
// A cluster that does not answer, or answers with something else, is a [*Fault].
// It is never an answer without rows. An answer that lacks shards, clusters or
// rows is partial and says so.
package elasticsearch
