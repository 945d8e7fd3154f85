// Package synctest is package testing/synctest of the standard library in explored form.
//
// A bubble has the goroutine that calls Test and all goroutines that are started until Test
// returns, whoever starts them. Its clock is the virtual clock of the execution: it stands
// still while anybody in the bubble works, and goes on from one bubble to the next, so that
// only the first begins at midnight. Wait waits for whoever waits for a mutex, as in the
// original. Where that is held by somebody who sleeps, time passes: the original hangs.
package synctest

import (
	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/testing"
)

// Test calls f in a new bubble and waits until all goroutines of the bubble have ended. If
// they all wait for each other, it is a deadlock.
func Test(t *testing.T, f func(*testing.T)) {
	e := engine.Current
	if e == nil || e.Aborting() {
		return
	}
	if !e.OpenBubble() {
		panic("synctest.Run called from within a synctest bubble")
	}
	t.Bubble(f)
	e.CloseBubble()
}

// Wait waits until each other goroutine of the bubble waits for others of it, or sleeps.
func Wait() {
	e := engine.Current
	if e == nil || e.Aborting() {
		return
	}
	if !e.InBubble() {
		panic("goroutine is not in a bubble")
	}
	if !e.WaitIdle() {
		panic("wait already in progress")
	}
}
