package pin_test

import (
	"sync/atomic"
	"unsafe"
)

// plainStore stores without ordering, for tests of what Barrier orders. It is
// called only where [pin.Plain] holds.
func plainStore(x *atomic.Int64, v int64) { *(*int64)(unsafe.Pointer(x)) = v }
