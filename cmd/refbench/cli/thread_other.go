//go:build !linux

package cli

import "syscall"

// endsWithThread does nothing: this system has no such way.
func endsWithThread() *syscall.SysProcAttr { return nil }
