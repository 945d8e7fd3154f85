// Package judge is the oracle of references: held, and told once.
//
// It says that a reference is held from after the operation that took it until before
// the one that drops it. So what is held is never more than what a right count says,
// and the following rules raise no false alarm, whatever the timing:
//
//   - When a reference was taken, nobody has been told yet that the last was
//     dropped: else [ResurrectedDead].
//   - When a drop reports the last reference, none is held: else [StolenReference].
//   - Nobody is told twice: else [DoubleFree].
//   - When every reference is dropped, somebody has been told: else [LateRelease].
//
// A [Balance] is what the rules go by, and who keeps it is up to the caller: package
// arena in one word beside each object's count, with what else it knows of the object;
// a [Ledger] for op programs.
//
// # Resurrection
//
// An operation that takes a reference whether the count is zero or not doesn't say
// which it was. So while one is going on the first three rules don't hold:
//
//	A: Put drops the last reference
//	                                 B: Resurrect, 0 to 1; 1 is held
//	A: is told; 1 is held, and right
//
// All that overlaps is judged together, when nothing goes on any more: what is held then
// says whether the object is dead, and how often it died is how often it was told.
package judge

import (
	"fmt"
	"sync/atomic"
)

// A Kind is a kind of violation: what went wrong with an object.
type Kind int

// The kinds, in the order in which reports show them. An oracle of references alone
// finds DoubleFree, StolenReference, ResurrectedDead and LateRelease.
const (
	// Fine is what is no violation.
	Fine Kind = iota - 1
	// UseAfterFree: an operation on an object that was released, or on
	// memory that holds no object.
	UseAfterFree
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

var kindNames = [...]string{
	"fine", "use-after-free", "double-free", "leak", "underflow", "stolen-reference", "resurrected-dead", "late-release",
}

// String returns the kind's name, which is also its unit in result files.
func (k Kind) String() string { return kindNames[k-Fine] }

// A Balance is what is known of the references to an object in one life.
type Balance struct {
	Held int64  // references that are held; below 0 if more were dropped than taken
	Told uint64 // how often a drop reported the last one
	// Revived is how often an operation was called since nothing went on that may have
	// brought the object back from zero.
	Revived uint64
}

// Took judges the balance after a reference was taken.
func (b Balance) Took() Kind {
	if b.Told > 0 && b.Revived == 0 {
		return ResurrectedDead
	}
	return Fine
}

// Last judges the balance before a drop is counted that reported the last reference.
// Held is without the reference that it dropped. Both things that may be wrong are
// returned, the worse one first.
func (b Balance) Last() [2]Kind {
	switch {
	case b.Revived > 0:
	case b.Told > 0 && b.Held > 0:
		return [2]Kind{DoubleFree, StolenReference}
	case b.Told > 0:
		return [2]Kind{DoubleFree, Fine}
	case b.Held > 0:
		return [2]Kind{StolenReference, Fine}
	}
	return [2]Kind{Fine, Fine}
}

// Rest judges the balance when nothing goes on. It returns how often the object should
// have been reported dead: once if none is held.
func (b Balance) Rest() (dead uint64, k Kind) {
	if b.Held == 0 {
		dead = 1
	}
	switch {
	case b.Told < dead:
		return dead, LateRelease
	case b.Told > dead+b.Revived:
		return dead, DoubleFree
	}
	return dead, Fine
}

// A Ledger keeps the balance of one object that threads of an op program use. The zero
// Ledger is one life with the owner's reference still to be taken. A Ledger that isn't
// shared is for one goroutine at a time: also for threads of the deterministic
// scheduler, for which its changes belong to the step of the count's before them.
type Ledger struct {
	// shared says that goroutines use it at once. Its word is then atomic, and so
	// orders them.
	shared bool

	// word is the balance:
	//
	//	bits 0-39   held, offset by heldZero
	//	bits 40-51  told
	//	bits 52-62  revived
	word int64
}

const (
	heldZero   = 1 << 39
	heldMask   = 1<<40 - 1
	toldOne    = 1 << 40
	toldMask   = 1<<12 - 1
	revivedOne = 1 << 52
)

func balance(w int64) Balance {
	return Balance{
		Held:    w&heldMask - heldZero,
		Told:    uint64(w) / toldOne & toldMask,
		Revived: uint64(w) / revivedOne,
	}
}

// Open begins the first life of the object with so many references held. Nobody else
// uses the ledger. shared says that goroutines will.
func (l *Ledger) Open(held int64, shared bool) {
	*l = Ledger{shared, heldZero + held}
}

// Balance returns the balance as it is.
func (l *Ledger) Balance() Balance { return balance(l.add(0)) }

func (l *Ledger) add(d int64) (after int64) {
	if l.shared {
		return atomic.AddInt64(&l.word, d)
	}
	l.word += d
	return l.word
}

// Took is called after an operation that took n references.
func (l *Ledger) Took(n int64) Kind { return balance(l.add(n)).Took() }

// Drops is called before an operation that may drop n references.
func (l *Ledger) Drops(n int64) { l.add(-n) }

// Kept is called after an operation that was to drop n references and didn't.
func (l *Ledger) Kept(n int64) { l.add(n) }

// Last is called after an operation that reported the last reference. held is what was
// held then.
func (l *Ledger) Last() (k Kind, held int64) {
	b := balance(l.add(toldOne) - toldOne)
	return b.Last()[0], b.Held
}

// Revives is called before an operation that may bring the object back from zero,
// whoever else uses it: from then on only Rest judges.
func (l *Ledger) Revives() { l.add(revivedOne) }

// Begins is called before an operation by which who was told of the last drop brings the
// object back.
func (l *Ledger) Begins() { l.add(-toldOne) }

// Sentence says what is wrong, of an operation by the name op.
func Sentence(k Kind, op string, held int64) string {
	switch k {
	case ResurrectedDead:
		return op + " took a reference after the last had been dropped"
	case DoubleFree:
		return op + " reported the last reference, as another drop had before"
	case StolenReference:
		if held == 1 {
			return op + " reported the last reference while another was held"
		}
		return fmt.Sprintf("%s reported the last reference while %d others were held", op, held)
	case LateRelease:
		return "every reference was dropped, and no drop reported the last"
	}
	return op + ": " + k.String()
}
