//go:build !unix

package cli

// nonblocking is nothing here: there are no named pipes in folders.
const nonblocking = 0
