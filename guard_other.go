//go:build !linux

package main

import "errors"

func guardTerminal() (release func(), err error) { return nil, errors.ErrUnsupported }

func guard() bool { return false }
