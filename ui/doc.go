// Package ui is the console: what a person on call sees and may do.
//
// [Run] shows it on a terminal, [Plain] tells the same as lines for a screen
// reader, a serial line or a script. Both take a [Config] of what the program
// opened and nothing else.
//
// # How it is built
//
// A [Model] routes: messages to whoever asked, keys to the overlay if one is
// open and else to the pane on the screen. Each pane is one file and owns its
// state. Where things stand is a pure function of the window's size (arrange);
// which key does what is data (keymap), from which footer, help and the
// documents are made. Untrusted text passes package text, and only then gets a
// style: no pane writes an escape sequence.
//
// # What it promises
//
// The screen pulls: a change in the engine marks it dirty, thirty times a
// second at most, and nothing is written to the terminal when nothing on it
// changed. Whatever does I/O is a command with a deadline, and an answer that
// came too late for what is on the screen is dropped.
//
// A host is changed by a capital key only, which opens the plan; nothing
// happens before that was approved, and a key that was already on its way
// approves nothing. Read-only removes those keys.
package ui
