// Package cli is the command line: one file a command.
//
// It knows what every command does and nothing about kernels, clusters, SSH or
// the machine it runs on: main hands it a [Program], which opens those. So a
// command can be tested with whatever sources and hosts a test makes.
//
// Results go to standard output, everything else to standard error. A command
// ends with one of the exit codes below; `--yes` answers a confirmation and
// never a refusal.
package cli
