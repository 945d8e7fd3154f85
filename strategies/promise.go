package strategies

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// A Promise is what a strategy says of itself. Every check judges a strategy
// against its own promise: a plain atomic count that wraps at its limit is a
// documented hazard, a saturating one that wraps is a bug.
type Promise struct {
	// Limit is the largest number of references that is counted right.
	Limit int64

	// Width is how many bits the number has, for a count that wraps: it comes
	// round after 2^Width references, and reads as the number from
	// Limit+1-2^Width to Limit that is equal to the true one modulo 2^Width; one
	// of 64 bits reads as that int64, whatever the limit. So a signed number of
	// 32 bits has the limit 2^31-1 and the width 32, an unsigned one the limit
	// 2^32-1 and the same width. 0 promises nothing of a number that has left its
	// range.
	Width int

	// Overflow is what taking a reference past Limit does.
	Overflow Response
	// Underflow is what dropping a reference that isn't there does.
	Underflow Response
	// Stray is what a drop too many may spoil beside itself. Empty: nothing; drops do
	// what they do one after the other, so that who drops the last reference is told.
	Stray Spoil
	// GetOnZero is what Get on a dead count does.
	GetOnZero Response
	// PutUnlessOne is what PutUnlessOne on a dead count does, and with it
	// PutAndLock. Empty is the same as Underflow. (Linux refcount_dec_not_one
	// leaves the dead count as it is, where all other drops saturate it.)
	PutUnlessOne Response

	// Zero is when the last drop is seen, and by whom.
	Zero ZeroDetection
	// TryGet is how TryGet may err.
	TryGet Exactness
	// TryGetRefuses is from where on TryGet refuses, whatever Get does. Empty:
	// nowhere; past the limit both do what Overflow says.
	TryGetRefuses Refusal
	// Count is what reading the count is worth.
	Count Exactness
	// Resurrection reports whether a released object can be brought back.
	Resurrection bool
	// Progress is the weakest guarantee of Get, TryGet and Put.
	Progress Progress
	// Bytes is the size of one count: the counter itself and what it
	// allocates, on this machine.
	Bytes int
	// GracePeriod reports whether the memory of a released object must
	// stay a count until readers that may still touch it are gone, even
	// when nobody looks objects up through weak references.
	GracePeriod bool
	// TypeStable reports whether Init may begin the next life of a dead count
	// while others call TryGet on it through stale weak references, so that
	// an object's memory can be used again at once as an object of the same
	// type (Linux SLAB_TYPESAFE_BY_RCU). Such a TryGet takes a reference of
	// the new life or fails.
	TypeStable bool
	// Actors reports whether the strategy has words for actors (see [ActorCounter]): what it costs is
	// measured of callers that say who they are, and whoever doesn't pays more.
	Actors bool
}

// OnDeadUnlessOne returns what PutUnlessOne and PutAndLock do on a dead count.
func (p Promise) OnDeadUnlessOne() Response {
	if p.PutUnlessOne == "" {
		return p.Underflow
	}
	return p.PutUnlessOne
}

// Closes reports whether TryGet refuses for good when Kill has returned, while references
// are left.
func (p Promise) Closes() bool {
	return p.TryGetRefuses == OnceKilled || p.TryGetRefuses == DuringKill
}

// A Response is what a count does when it is misused.
type Response string

// The responses.
const (
	Wraps     Response = "wraps"     // the number goes on modulo its width
	Saturates Response = "saturates" // sticks at a value that never dies: leaks rather than frees too early
	Refuses   Response = "refuses"   // the operation has no effect and says so
	Panics    Response = "panics"    // the operation panics
	Revives   Response = "revives"   // Get on zero: the count goes from 0 to 1
)

// A Spoil is what misuse may spoil for right uses beside it.
type Spoil string

// LastLost: when two drops go on at the same time and there is one reference for both, it
// may be that nobody is told of the last drop, so that the object leaks, and that
// references which were taken meanwhile are worth nothing. Nobody is told twice, and when
// both drops have returned the count is dead (Linux rcuref_put).
const LastLost Spoil = "lastlost"

// ZeroDetection is when a strategy sees that the last reference was dropped.
type ZeroDetection string

// The kinds of zero detection.
const (
	Immediate ZeroDetection = "immediate" // by whoever drops the last reference
	AfterKill ZeroDetection = "afterkill" // the same, once Kill was called

	// Waits: no Put reports the last reference. Kill waits until all others have been
	// dropped, and then reports it. So whoever calls Kill must have dropped its own, and
	// nobody may wait for the caller of Kill before it has dropped what it holds.
	Waits ZeroDetection = "waits"
)

// Exactness says how far an answer can be trusted.
type Exactness string

// The degrees of exactness.
const (
	Exact       Exactness = "exact"       // right at some instant during the call
	Spurious    Exactness = "spurious"    // TryGet: may fail though the count lives
	Approximate Exactness = "approximate" // Count: may be off while others count
	None        Exactness = "none"        // Count: there is no way to read it
)

// Refusal is from where on TryGet takes no reference though the count isn't dead. It
// reports false then and leaves the count as it is.
type Refusal string

// The refusals.
const (
	// AtLimit: it refuses what would come past Limit, and on a count that is past it
	// or below zero all (FreeBSD refcount_acquire_checked).
	AtLimit Refusal = "atlimit"
	// PastLimit: it refuses on a count that is past Limit or below zero. The
	// reference that comes past Limit it takes as Get does (Linux try_get_page).
	PastLimit Refusal = "pastlimit"
	// OnceKilled: it refuses once Kill has begun, while references are left, and has
	// refused for good when Kill returns (Go internal/poll, closing a file; Windows
	// ExAcquireRundownProtection).
	OnceKilled Refusal = "oncekilled"
	// DuringKill: while Kill goes on it refuses some and takes others, one after the other
	// in any order, and has refused for good when Kill returns (Windows
	// ExAcquireRundownProtectionCacheAware, which looks at the word of one CPU).
	DuringKill Refusal = "duringkill"
)

// Progress is a guarantee that operations finish whatever other goroutines do.
type Progress string

// The guarantees, the strongest first.
const (
	WaitFree Progress = "waitfree" // every call finishes in bounded steps
	LockFree Progress = "lockfree" // some call always finishes
	Blocking Progress = "blocking" // a stopped goroutine can stop the others
)

// no is how a field is shown that promises nothing beyond the others.
const no = "no"

// Fields returns the promise as name and value pairs in a fixed order.
func (p Promise) Fields() [][2]string {
	yesno := map[bool]string{true: "yes", false: no}
	return [][2]string{
		{"limit", fmt.Sprint(p.Limit)},
		{"width", fmt.Sprint(p.Width)},
		{"overflow", string(p.Overflow)},
		{"underflow", string(p.Underflow)},
		{"stray", cmp.Or(string(p.Stray), no)},
		{"getonzero", string(p.GetOnZero)},
		{"putunlessone", string(p.OnDeadUnlessOne())},
		{"zero", string(p.Zero)},
		{"tryget", string(p.TryGet)},
		{"trygetrefuses", cmp.Or(string(p.TryGetRefuses), no)},
		{"count", string(p.Count)},
		{"resurrection", yesno[p.Resurrection]},
		{"progress", string(p.Progress)},
		{"bytes", fmt.Sprint(p.Bytes)},
		{"graceperiod", yesno[p.GracePeriod]},
		{"typestable", yesno[p.TypeStable]},
		{"actors", yesno[p.Actors]},
	}
}

// String returns the fields as "name=value" separated by spaces: the form in
// which result files carry a promise.
func (p Promise) String() string {
	var b strings.Builder
	for i, f := range p.Fields() {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(f[0] + "=" + f[1])
	}
	return b.String()
}

func (p Promise) check() error {
	var errs []error
	one := func(field string, got string, of ...string) {
		for _, v := range of {
			if got == v {
				return
			}
		}
		errs = append(errs, fmt.Errorf("promise: %s is %q, want one of %s", field, got, strings.Join(of, ", ")))
	}
	if p.Limit < 1 {
		errs = append(errs, fmt.Errorf("promise: limit is %d, want at least 1", p.Limit))
	}
	if p.Width < 0 || p.Width > 64 {
		errs = append(errs, fmt.Errorf("promise: width is %d, want 0 to 64 bits", p.Width))
	} else if p.Width > 0 && bits.Len64(uint64(max(p.Limit, 0))) > p.Width {
		errs = append(errs, fmt.Errorf("promise: limit %d doesn't fit the width of %d bits", p.Limit, p.Width))
	}
	if p.Bytes < 1 {
		errs = append(errs, fmt.Errorf("promise: bytes is %d, want at least 1", p.Bytes))
	}
	one("overflow", string(p.Overflow), string(Wraps), string(Saturates), string(Refuses), string(Panics))
	one("underflow", string(p.Underflow), string(Wraps), string(Saturates), string(Refuses), string(Panics))
	one("stray", string(p.Stray), "", string(LastLost))
	one("getonzero", string(p.GetOnZero), string(Revives), string(Saturates), string(Refuses), string(Panics))
	one("putunlessone", string(p.OnDeadUnlessOne()), string(Wraps), string(Saturates), string(Refuses), string(Panics))
	one("zero", string(p.Zero), string(Immediate), string(AfterKill), string(Waits))
	one("tryget", string(p.TryGet), string(Exact), string(Spurious))
	one("trygetrefuses", string(p.TryGetRefuses), "", string(AtLimit), string(PastLimit), string(OnceKilled), string(DuringKill))
	if p.TryGetRefuses == PastLimit && p.Overflow != Wraps && p.Overflow != Saturates {
		errs = append(errs, fmt.Errorf("promise: trygetrefuses is %q and overflow %q, so that no count comes past the limit", PastLimit, p.Overflow))
	}
	one("count", string(p.Count), string(Exact), string(Approximate), string(None))
	one("progress", string(p.Progress), string(WaitFree), string(LockFree), string(Blocking))
	return errors.Join(errs...)
}
