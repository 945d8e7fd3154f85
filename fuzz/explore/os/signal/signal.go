// Package signal is package os/signal of the standard library in explored form: no signal
// ever comes.
package signal

import (
	"os"

	"github.com/refbench/refbench/fuzz/explore/channel"
	"github.com/refbench/refbench/fuzz/explore/context"
)

// Notify does nothing.
func Notify(c *channel.Chan[os.Signal], sig ...os.Signal) {
	if c == nil {
		panic("os/signal: Notify using nil channel")
	}
}

// Stop does nothing.
func Stop(c *channel.Chan[os.Signal]) {}

// NotifyContext is context.WithCancel.
func NotifyContext(parent context.Context, signals ...os.Signal) (ctx context.Context, stop context.CancelFunc) {
	return context.WithCancel(parent)
}

// Ignore does nothing.
func Ignore(sig ...os.Signal) {}

// Ignored returns false.
func Ignored(sig os.Signal) bool { return false }

// Reset does nothing.
func Reset(sig ...os.Signal) {}
