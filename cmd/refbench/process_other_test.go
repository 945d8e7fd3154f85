//go:build !linux

package main

import (
	"os"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// processCommands are none here: there are no signals.
var processCommands map[string]func(*testscript.TestScript, bool, []string)

func takeHangups() {}

var signals = map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM}
