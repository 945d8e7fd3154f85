package linear

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies/spec"
)

// A Judge judges histories of one strategy.
type Judge struct {
	// Spec is what the counts should do.
	Spec *spec.Spec

	// Timeout is how long the search may take for the calls between two
	// cuts; 0 means 2 seconds.
	Timeout time.Duration
}

// A Judgment is what a judge found.
type Judgment struct {
	Class Class

	// Reason says what can't be explained, or why it isn't known.
	Reason string

	// Found is what found it: "intervals" or "search"; or "timeout" if it is a call
	// that didn't return, and "panic" if it is one with which a life should begin.
	Found string

	// Life is the index of the life that is illegal or unknown, -1 if there
	// is none, and Segment are the calls of it that can't be explained.
	Life    int
	Segment *Segment

	Judged   int // calls of lives that were found linearizable or illegal
	Unknown  int // calls of lives that weren't decided
	Unjudged int // approximate reads that were left out
	Met      int // calls that went on at the same time as another of the same life
}

// add adds the judgment of lives that come after so many others, and reports whether
// they are worse than all of them.
func (r *Judgment) add(x Judgment, lives int) (worse bool) {
	worse = x.Class == Illegal && r.Class != Illegal || x.Class == Unknown && r.Class == Linearizable
	if worse {
		r.Class, r.Reason, r.Found, r.Life, r.Segment = x.Class, x.Reason, x.Found, x.Life, x.Segment
		if x.Life >= 0 {
			r.Life += lives
		}
	}
	r.Judged += x.Judged
	r.Unknown += x.Unknown
	r.Unjudged += x.Unjudged
	r.Met += x.Met
	return worse
}

// Check judges the history. If ctx ends, what isn't judged yet is Unknown. A
// history that can't have been recorded is an error.
func (j *Judge) Check(ctx context.Context, h *History) (Judgment, error) {
	for i, l := range h.Lives {
		if err := l.check(); err != nil {
			return Judgment{}, fmt.Errorf("life %d: %w", i, err)
		}
	}
	lives := make([]Judgment, len(h.Lives))
	var next atomic.Int64
	var illegal atomic.Bool
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(h.Lives)) {
		wg.Go(func() {
			// Lives are begun in order, so all before the first illegal
			// one are judged, and which one is reported doesn't depend on
			// who is faster.
			for !illegal.Load() {
				i := int(next.Add(1)) - 1
				if i >= len(h.Lives) {
					return
				}
				lives[i] = j.life(ctx, h.Lives[i])
				if lives[i].Class == Illegal {
					illegal.Store(true)
				}
			}
		})
	}
	wg.Wait()
	total := Judgment{Class: Linearizable, Life: -1}
	for i, r := range lives {
		total.add(r, i)
	}
	return total, nil
}

// whole returns a life as it is judged: with what is left open, and without reads that
// aren't judged.
func (j *Judge) whole(l Life) *Segment {
	return &Segment{j.Spec, []spec.State{j.Spec.Start(l.Start)}, leaveOpen(l.sorted(), j.Spec.Promise())}
}

// life judges one life.
func (j *Judge) life(ctx context.Context, l Life) Judgment {
	whole := j.whole(l)
	r := j.searchAndCut(ctx, whole)
	if why := whole.impossible(); why != "" {
		// The search is for a picture of the part that matters.
		if r.Class != Illegal {
			r.Segment = whole
		}
		r.Class, r.Found, r.Reason = Illegal, "intervals", why
	}
	if r.Met, r.Unjudged = met(l.sorted()), len(l.Ops)-len(whole.Ops); r.Class == Unknown {
		r.Unknown = len(whole.Ops)
	} else {
		r.Judged = len(whole.Ops)
	}
	return r
}

// segmentLength is how many calls are searched at least between two cuts. Fewer
// would cost more than they save.
const segmentLength = 128

// searchAndCut judges the calls of a life by the search alone.
func (j *Judge) searchAndCut(ctx context.Context, whole *Segment) Judgment {
	r := j.search(ctx, whole, segmentLength)
	if r.Class == Illegal {
		// Now that it is known where, cut wherever that is possible: people
		// look at fewer calls.
		if x := j.search(ctx, r.Segment, 1); x.Class == Illegal {
			return x
		}
	}
	return r
}

// search searches segments of at least so many calls one after the other.
func (j *Judge) search(ctx context.Context, whole *Segment, length int) Judgment {
	states := whole.Starts
	for ops := whole.Ops; len(ops) > 0; {
		n := cut(ops, length)
		s := &Segment{j.Spec, states, ops[:n]}
		ops = ops[n:]
		r := Judgment{Found: "search", Segment: s}
		r.Class, states = s.search(ctx, j.timeout(), len(ops) == 0)
		switch {
		case r.Class == Linearizable:
			continue
		case r.Class == Illegal && n == 1:
			r.Reason = fmt.Sprintf("%s: not what is promised in state %q", describe(s.Ops[0]), possible(s.Starts))
		case r.Class == Illegal:
			r.Reason = fmt.Sprintf("no order of the %d calls at %d..%d explains the answers", n, s.Ops[0].Begin, s.lastEnd())
		case ctx.Err() != nil:
			r.Reason = "ended early: " + context.Cause(ctx).Error()
		default:
			r.Reason = fmt.Sprintf("no order was found in %v for %d calls, up to %d of them at once", j.timeout(), n, s.overlap())
		}
		return r
	}
	return Judgment{Class: Linearizable}
}

func (j *Judge) timeout() time.Duration { return cmp.Or(j.Timeout, 2*time.Second) }

// met returns how many of the sorted calls go on at the same time as another.
func met(ops []Op) int {
	n := 0
	end := int64(math.MinInt64) // of those before
	for i, o := range ops {
		if i > 0 && o.Begin <= end || i+1 < len(ops) && ops[i+1].Begin <= o.End {
			n++
		}
		end = max(end, o.End)
	}
	return n
}

// cut returns how many of the sorted calls to search at once: up to where none is
// going on, and at least length unless the first is alone.
func cut(ops []Op, length int) int {
	end := ops[0].End
	for i, o := range ops {
		if o.Begin > end && (i == 1 || i >= length) {
			return i
		}
		end = max(end, o.End)
	}
	return len(ops)
}
