//go:build !linux

package ui

import "errors"

func GuardTerminal() (release func(), err error) { return nil, errors.ErrUnsupported }

func Guarding() bool { return false }
