//go:build !unix

package bench

import "errors"

// nonblocking is nothing here: there are no named pipes in folders.
const nonblocking = 0

// noReader is no error of this system.
var noReader = errors.New("nobody reads from the pipe")
