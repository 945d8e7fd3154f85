package explore

import (
	"fmt"
	"time"
)

// A Search names a way to choose schedules.
type Search string

// The searches.
const (
	// Portfolio takes turns: URW, a random walk, PCT with depths 2, 3 and 4, POS, and
	// depth-first search with 0, 1, 2, 3 preemptions and then any number.
	Portfolio Search = "portfolio"
	// Random is the random walk.
	Random Search = "random"
	// PCT is probabilistic concurrency testing with Options.Depth.
	PCT Search = "pct"
	// POS is partial-order sampling: the order of accesses that depend on each other
	// is drawn.
	POS Search = "pos"
	// URW is the selectively uniform random walk: the order of all accesses to what
	// several threads share is drawn.
	URW Search = "urw"
	// DFS is depth-first search with Options.Bound. Smaller bounds come first.
	DFS Search = "dfs"
	// PlainDFS is DFS that leaves nothing out: to compare with.
	PlainDFS Search = "plaindfs"
)

// Searches lists the searches.
func Searches() []Search { return []Search{Portfolio, Random, PCT, POS, URW, DFS, PlainDFS} }

// Unbounded is no bound on preemptions.
const Unbounded = -1

// Options say how to explore. The zero value is a short portfolio.
type Options struct {
	// Seed fixes every random choice.
	Seed uint64

	// Search is the way to choose schedules; empty means Portfolio.
	Search Search

	// Depth is PCT's: how many ordered points a bug may need; 0 means 3.
	Depth int

	// Bound is how many preemptions, migrations among them, DFS allows;
	// Unbounded for any number. The zero value allows none.
	Bound int

	// Executions is when to stop; 0 means 10,000, a negative number never.
	Executions int

	// Time is when to stop, after one execution at least; 0 means never. What
	// is found within a time depends on the machine, what is found within
	// Executions does not.
	Time time.Duration

	// Part says which part of what there is to try is tried, of how many Parts: 0 .. Parts-1.
	// Zero Parts is the whole. Parts share nothing, none depends on which others are tried,
	// and together they try what the whole does: each has its own of Executions, which are
	// those of all parts; random searches take turns, so that of the first part are
	// executions 0, Parts, 2*Parts; and depth-first ones divide the subtrees below the first
	// decisions. [Together] says what all of them have tried completely.
	//
	// PlainDFS then has the very executions of the whole, and so has Random. PCT, POS and URW
	// learn from executions, each part from its own. DFS doesn't try again a state that was
	// met before, which it can't know of another part: it has more executions than the
	// whole.
	Part, Parts int

	// Stop ends the search when it is closed, as if the time were up; what was
	// tried until then is reported. nil means never.
	Stop <-chan struct{}

	// NoRaces turns the happens-before check off.
	NoRaces bool

	// NoShrink reports the failing schedule as it was found.
	NoShrink bool

	// ShrinkTime is how long a failing schedule may be made smaller before it is
	// reported as small as it is; 0 means 20 seconds. What takes less, as nearly all
	// does, doesn't depend on the machine.
	ShrinkTime time.Duration

	// Version goes into tokens: what the code under test is.
	Version string

	// Timeout is how much CPU time a thread may take between two scheduling points
	// before it is taken to hang: a [HangError]. One that blocks for real is looked
	// at fifty times in as long. 0 means 5 seconds. Where CPU time can't be read,
	// which is outside of Linux, what counts is the looks alone.
	Timeout time.Duration

	points int // when to stop; 0 means never
}

func (o Options) check() (Options, error) {
	if o.Search == "" {
		o.Search = Portfolio
	}
	ok := false
	for _, s := range Searches() {
		ok = ok || s == o.Search
	}
	if !ok {
		return o, fmt.Errorf("search %q: want one of %v", o.Search, Searches())
	}
	if o.Depth == 0 {
		o.Depth = 3
	}
	if o.Depth < 1 || o.Depth > 8 {
		return o, fmt.Errorf("depth %d of PCT: want 1 .. 8", o.Depth)
	}
	if o.Bound < Unbounded {
		return o, fmt.Errorf("bound of %d preemptions: want 0 or more, or %d for any number", o.Bound, Unbounded)
	}
	if o.Executions == 0 {
		o.Executions = 10_000
	}
	if o.Parts < 0 || o.Part < 0 || o.Part >= max(o.Parts, 1) {
		return o, fmt.Errorf("part %d of %d: want 0 or more, and less than there are", o.Part, o.Parts)
	}
	if o.ShrinkTime == 0 {
		o.ShrinkTime = 20 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	return o, nil
}

// Limit is how many executions there are at most: those of the part, of Executions in all. It
// is negative if there is no limit.
func (o Options) Limit() int {
	if o.Parts == 0 || o.Executions < 0 {
		return o.Executions
	}
	n := o.Executions / o.Parts
	if o.Part < o.Executions%o.Parts {
		n++
	}
	return n
}
