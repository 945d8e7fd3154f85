package gvisorrefs_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"gvisor.dev/gvisor/pkg/sentry/socket/unix/transport"
)

// The owner drops its reference while two others look the object up by weak references, and
// drop what they get. When all are through, it must have been destroyed once.
func TestDestroyedOnce(t *testing.T) {
	var refs transport.HostSenderRefs
	refs.InitRefs()
	var destroyed atomic.Int32
	drop := func() { refs.DecRef(func() { destroyed.Add(1) }) }
	var all sync.WaitGroup
	all.Go(drop)
	for range 2 {
		all.Go(func() {
			if refs.TryIncRef() {
				drop()
			}
		})
	}
	all.Wait()
	if n := destroyed.Load(); n != 1 {
		t.Errorf("destroyed %d times, with %d references left", n, refs.ReadRefs())
	}
}
