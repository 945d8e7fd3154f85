package bench

import (
	"runtime"
	"testing"
)

var kept []byte // so that it is allocated

// A sample begins with room for its own garbage, and no collection is made for little.
func TestCollectLeavesRoom(t *testing.T) {
	collections := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumGC
	}
	runtime.GC()
	collect()
	before := collections()
	collect()
	if after := collections(); after != before {
		t.Errorf("%d collections though there is no garbage (room %v), want none", after-before, roomLeft())
	}
	least := 1.0
	for range 1000 {
		kept = make([]byte, 32<<10)
		collect()
		least = min(least, roomLeft())
	}
	// What is allocated between the look and the next is not much.
	if least < leastRoom-0.1 {
		t.Errorf("room is down to %v, want about %v at least", least, leastRoom)
	}
	if after := collections(); after == before || after-before > 500 {
		t.Errorf("%d collections while 32 MB were allocated, want some, and far fewer than the 1000 looks", after-before)
	}
}
