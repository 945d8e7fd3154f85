package strategies

import "sync/atomic"

// Misuse is a kind of wrong use that a strategy can detect by itself. The kinds
// are those of Linux refcount_saturation_type (include/linux/refcount.h).
type Misuse int

// The kinds of misuse.
const (
	TryGetOverflow Misuse = iota // TryGet at the limit (REFCOUNT_ADD_NOT_ZERO_OVF)
	GetOverflow                  // Get at the limit (REFCOUNT_ADD_OVF)
	GetAfterFree                 // Get on a dead count (REFCOUNT_ADD_UAF)
	PutAfterFree                 // Put on a dead count (REFCOUNT_SUB_UAF)
	DropToZero                   // a drop that must not be the last was (REFCOUNT_DEC_LEAK)
	misuseKinds
)

// MisuseKinds lists every kind.
func MisuseKinds() []Misuse {
	ks := make([]Misuse, misuseKinds)
	for i := range ks {
		ks[i] = Misuse(i)
	}
	return ks
}

// String returns what happened, in words.
func (m Misuse) String() string {
	switch m {
	case TryGetOverflow:
		return "overflow by TryGet"
	case GetOverflow:
		return "overflow by Get"
	case GetAfterFree:
		return "Get on a dead count"
	case PutAfterFree:
		return "Put on a dead count"
	case DropToZero:
		return "drop of the last reference by an operation that does not release"
	}
	return "unknown misuse"
}

// A Monitor counts the misuse of the counts that report to it. Its zero value
// is ready; it may be shared by any number of counts and goroutines.
type Monitor struct {
	// Hook, if not nil, is called with every kind of misuse as it is
	// counted, on the goroutine that misused the count. It is set before
	// the first count reports.
	Hook func(Misuse)

	counts [misuseKinds]atomic.Uint64
}

// Report counts one misuse. A nil Monitor ignores it.
func (m *Monitor) Report(kind Misuse) {
	if m == nil {
		return
	}
	m.counts[kind].Add(1)
	if m.Hook != nil {
		m.Hook(kind)
	}
}

// Count returns how often the kind was reported.
func (m *Monitor) Count(kind Misuse) uint64 { return m.counts[kind].Load() }

// Total returns how much misuse of any kind was reported.
func (m *Monitor) Total() uint64 {
	var n uint64
	for i := range m.counts {
		n += m.counts[i].Load()
	}
	return n
}
