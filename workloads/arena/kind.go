package arena

// A Kind is a kind of violation: what went wrong with an object.
type Kind int

// The kinds, in the order in which reports show them.
const (
	// UseAfterFree: an operation on an object that was released, or on
	// memory that holds no object.
	UseAfterFree Kind = iota
	// DoubleFree: an object was released a second time.
	DoubleFree
	// Leak: an object was never released though nobody holds it.
	Leak
	// Underflow: a reference was dropped that had been dropped already.
	Underflow
	// StolenReference: an object was released while somebody held a
	// reference to it.
	StolenReference
	// ResurrectedDead: a reference was taken to an object that had already
	// been released.
	ResurrectedDead
	// LateRelease: the last reference was dropped and nobody was told.
	LateRelease

	Kinds = 7 // how many there are
)

var kindNames = [Kinds]string{
	"use-after-free", "double-free", "leak", "underflow", "stolen-reference", "resurrected-dead", "late-release",
}

// String returns the kind's name, which is also its unit in result files.
func (k Kind) String() string { return kindNames[k] }
