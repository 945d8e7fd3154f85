//go:build !(linux && (amd64 || arm64 || 386 || arm))

package cli

import "os"

// once does nothing here: a goroutine waits for the second signal.
func once([]os.Signal) {}
