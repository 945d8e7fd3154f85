package gen

// exports are the exported names of the drop-ins. A test compares them with the
// source.
var exports = map[string][]string{
	"sync": {
		"Cond", "Locker", "Map", "Mutex", "NewCond", "Once", "OnceFunc", "OnceValue", "OnceValues",
		"Pool", "RWMutex", "WaitGroup",
	},
	"sync/atomic": {
		"AddInt32", "AddInt64", "AddUint32", "AddUint64", "AddUintptr", "AndInt32", "AndInt64", "AndUint32",
		"AndUint64", "AndUintptr", "Bool", "CompareAndSwapInt32", "CompareAndSwapInt64", "CompareAndSwapPointer",
		"CompareAndSwapUint32", "CompareAndSwapUint64", "CompareAndSwapUintptr", "Int32", "Int64",
		"Integer", "LoadInt32", "LoadInt64", "LoadPointer", "LoadUint32", "LoadUint64", "LoadUintptr",
		"OrInt32", "OrInt64", "OrUint32", "OrUint64", "OrUintptr", "Pointer", "StoreInt32", "StoreInt64",
		"StorePointer", "StoreUint32", "StoreUint64", "StoreUintptr", "SwapInt32", "SwapInt64", "SwapPointer",
		"SwapUint32", "SwapUint64", "SwapUintptr", "Uint32", "Uint64", "Uintptr", "Value",
	},
	"runtime": {
		"Caller", "Callers", "CallersFrames", "Compiler", "Error", "Frame", "Frames", "Func", "FuncForPC",
		"GC", "GOARCH", "GOMAXPROCS", "GOOS", "Goexit", "Gosched", "KeepAlive", "LockOSThread", "NumCPU",
		"NumGoroutine", "UnlockOSThread", "Version",
	},
	"time": {
		"ANSIC", "After", "AfterFunc", "April", "August", "Date", "DateOnly", "DateTime", "December",
		"Duration", "February", "Hour", "January", "July", "June", "Kitchen", "Layout", "Location",
		"March", "May", "Microsecond", "Millisecond", "Minute", "Month", "Nanosecond", "NewTicker", "NewTimer",
		"November", "Now", "October", "Parse", "ParseDuration", "ParseError", "RFC1123", "RFC3339",
		"RFC3339Nano", "RFC822", "RFC850", "Second", "September", "Since", "Sleep", "Stamp", "StampMicro",
		"StampMilli", "StampNano", "Tick", "Ticker", "Time", "TimeOnly", "Timer", "UTC", "Unix", "UnixMilli", "Until",
		"Weekday",
	},
	"context": {
		"AfterFunc", "Background", "CancelCauseFunc", "CancelFunc", "Canceled", "Cause", "Context",
		"DeadlineExceeded", "TODO", "WithCancel", "WithCancelCause", "WithDeadline", "WithDeadlineCause",
		"WithTimeout", "WithTimeoutCause", "WithValue", "WithoutCancel",
	},
}
