// Package lock lets one process at a time write to a file. The lock belongs to the file
// itself, whatever names it has, and the system takes it back when the process ends, in
// whatever way. Readers don't see it.
package lock

import (
	"errors"
	"fmt"
)

// A HeldError is a lock that another process has, or this one by another open file.
type HeldError struct {
	Process int // 0 if the system doesn't tell
}

func (e *HeldError) Error() string {
	if e.Process == 0 {
		return "another process has it open for writing"
	}
	return fmt.Sprintf("process %d has it open for writing", e.Process)
}

// ErrUnsupported is the error of file systems and systems that have no locks.
var ErrUnsupported = errors.ErrUnsupported
