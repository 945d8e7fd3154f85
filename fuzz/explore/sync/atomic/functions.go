package atomic

import "github.com/refbench/refbench/fuzz/explore/internal/engine"

// The functions on plain addresses do what the methods of the same name do.
// They exist because not all code uses the types.

// LoadInt32 returns *addr.
func LoadInt32(addr *int32) (val int32) { return load(addr) }

// StoreInt32 sets *addr.
func StoreInt32(addr *int32, val int32) { modify(engine.OpStore, addr, 0, val, 0) }

// SwapInt32 sets *addr and returns its old value.
func SwapInt32(addr *int32, new int32) (old int32) { return modify(engine.OpSwap, addr, 0, new, 0) }

// CompareAndSwapInt32 sets *addr to new if it is old, and reports whether it did.
func CompareAndSwapInt32(addr *int32, old, new int32) (swapped bool) { return cas(addr, old, new) }

// AddInt32 adds delta to *addr and returns the new value.
func AddInt32(addr *int32, delta int32) (new int32) {
	return modify(engine.OpAdd, addr, ^int32(0), 0, delta) + delta
}

// AndInt32 sets *addr to its bitwise AND with mask and returns its old value.
func AndInt32(addr *int32, mask int32) (old int32) { return modify(engine.OpAnd, addr, mask, 0, 0) }

// OrInt32 sets *addr to its bitwise OR with mask and returns its old value.
func OrInt32(addr *int32, mask int32) (old int32) { return modify(engine.OpOr, addr, ^mask, mask, 0) }

// LoadInt64 returns *addr.
func LoadInt64(addr *int64) (val int64) { return load(addr) }

// StoreInt64 sets *addr.
func StoreInt64(addr *int64, val int64) { modify(engine.OpStore, addr, 0, val, 0) }

// SwapInt64 sets *addr and returns its old value.
func SwapInt64(addr *int64, new int64) (old int64) { return modify(engine.OpSwap, addr, 0, new, 0) }

// CompareAndSwapInt64 sets *addr to new if it is old, and reports whether it did.
func CompareAndSwapInt64(addr *int64, old, new int64) (swapped bool) { return cas(addr, old, new) }

// AddInt64 adds delta to *addr and returns the new value.
func AddInt64(addr *int64, delta int64) (new int64) {
	return modify(engine.OpAdd, addr, ^int64(0), 0, delta) + delta
}

// AndInt64 sets *addr to its bitwise AND with mask and returns its old value.
func AndInt64(addr *int64, mask int64) (old int64) { return modify(engine.OpAnd, addr, mask, 0, 0) }

// OrInt64 sets *addr to its bitwise OR with mask and returns its old value.
func OrInt64(addr *int64, mask int64) (old int64) { return modify(engine.OpOr, addr, ^mask, mask, 0) }

// LoadUint32 returns *addr.
func LoadUint32(addr *uint32) (val uint32) { return load(addr) }

// StoreUint32 sets *addr.
func StoreUint32(addr *uint32, val uint32) { modify(engine.OpStore, addr, 0, val, 0) }

// SwapUint32 sets *addr and returns its old value.
func SwapUint32(addr *uint32, new uint32) (old uint32) { return modify(engine.OpSwap, addr, 0, new, 0) }

// CompareAndSwapUint32 sets *addr to new if it is old, and reports whether it did.
func CompareAndSwapUint32(addr *uint32, old, new uint32) (swapped bool) { return cas(addr, old, new) }

// AddUint32 adds delta to *addr and returns the new value.
func AddUint32(addr *uint32, delta uint32) (new uint32) {
	return modify(engine.OpAdd, addr, ^uint32(0), 0, delta) + delta
}

// AndUint32 sets *addr to its bitwise AND with mask and returns its old value.
func AndUint32(addr *uint32, mask uint32) (old uint32) { return modify(engine.OpAnd, addr, mask, 0, 0) }

// OrUint32 sets *addr to its bitwise OR with mask and returns its old value.
func OrUint32(addr *uint32, mask uint32) (old uint32) {
	return modify(engine.OpOr, addr, ^mask, mask, 0)
}

// LoadUint64 returns *addr.
func LoadUint64(addr *uint64) (val uint64) { return load(addr) }

// StoreUint64 sets *addr.
func StoreUint64(addr *uint64, val uint64) { modify(engine.OpStore, addr, 0, val, 0) }

// SwapUint64 sets *addr and returns its old value.
func SwapUint64(addr *uint64, new uint64) (old uint64) { return modify(engine.OpSwap, addr, 0, new, 0) }

// CompareAndSwapUint64 sets *addr to new if it is old, and reports whether it did.
func CompareAndSwapUint64(addr *uint64, old, new uint64) (swapped bool) { return cas(addr, old, new) }

// AddUint64 adds delta to *addr and returns the new value.
func AddUint64(addr *uint64, delta uint64) (new uint64) {
	return modify(engine.OpAdd, addr, ^uint64(0), 0, delta) + delta
}

// AndUint64 sets *addr to its bitwise AND with mask and returns its old value.
func AndUint64(addr *uint64, mask uint64) (old uint64) { return modify(engine.OpAnd, addr, mask, 0, 0) }

// OrUint64 sets *addr to its bitwise OR with mask and returns its old value.
func OrUint64(addr *uint64, mask uint64) (old uint64) {
	return modify(engine.OpOr, addr, ^mask, mask, 0)
}

// LoadUintptr returns *addr.
func LoadUintptr(addr *uintptr) (val uintptr) { return load(addr) }

// StoreUintptr sets *addr.
func StoreUintptr(addr *uintptr, val uintptr) { modify(engine.OpStore, addr, 0, val, 0) }

// SwapUintptr sets *addr and returns its old value.
func SwapUintptr(addr *uintptr, new uintptr) (old uintptr) {
	return modify(engine.OpSwap, addr, 0, new, 0)
}

// CompareAndSwapUintptr sets *addr to new if it is old, and reports whether it did.
func CompareAndSwapUintptr(addr *uintptr, old, new uintptr) (swapped bool) {
	return cas(addr, old, new)
}

// AddUintptr adds delta to *addr and returns the new value.
func AddUintptr(addr *uintptr, delta uintptr) (new uintptr) {
	return modify(engine.OpAdd, addr, ^uintptr(0), 0, delta) + delta
}

// AndUintptr sets *addr to its bitwise AND with mask and returns its old value.
func AndUintptr(addr *uintptr, mask uintptr) (old uintptr) {
	return modify(engine.OpAnd, addr, mask, 0, 0)
}

// OrUintptr sets *addr to its bitwise OR with mask and returns its old value.
func OrUintptr(addr *uintptr, mask uintptr) (old uintptr) {
	return modify(engine.OpOr, addr, ^mask, mask, 0)
}
