//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package lock

import "os"

// Take returns [ErrUnsupported].
func Take(*os.File) error { return ErrUnsupported }
