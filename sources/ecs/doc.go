// Package ecs is the one place that knows the names and types of event fields:
// the Elastic Common Schema as Elastic Defend uses it, and fields of ours under
// "interdict." for what ECS has no name for.
//
// It turns records into columns ([Builder]), JSON documents into columns
// ([Decoder], reading [Lines]) and columns into JSON documents ([Encoder],
// [AppendJSON]). [Inference] finds the fields of documents that are not of the
// catalogue, [Sieve] those documents that need not be decoded at all.
//
// # Conventions
//
// A local event belongs to the data stream logs-endpoint.events.process-default,
// ….network-default or ….file-default, so that FROM and _index mean the same
// here and on a cluster.
//
// A process is identified by host.boot.id, process.pid and
// interdict.start_ticks (nanoseconds since boot on the boot clock);
// process.entity_id is derived from these ([EntityID]).
//
// Bytes follow the connection: source.bytes went from source to destination,
// destination.bytes came back; both are totals of that process and destination
// so far. The source is the side that connected: network.direction is "egress"
// when that is us, and "ingress" when somebody connected to us.
//
// event.action is, for processes: fork, exec, end, already_running; for the
// network: connection_attempted, connection_accepted, transfer (totals so far,
// interdict.live is true), disconnect_received (final totals); for files: open
// (for reading), create, rename, delete.
package ecs
