//go:build !linux

package main

import (
	"errors"

	"interdict/ui/cli"
)

func makeRoom() (cli.Room, error) {
	return nil, errors.New("a command can be watched on Linux only")
}
