package linear

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// A Judge judges histories of one strategy.
type Judge struct {
	// Spec is what the counts should do.
	Spec *spec.Spec

	// Timeout is how long the search may take for the calls between two
	// cuts; 0 means 2 seconds.
	Timeout time.Duration

	without part // for tests
}

// A part is a step of judging that tests turn off.
type part uint8

const (
	intervals part = 1 << iota
	cuts
	search
)

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
	Segments int // how often porcupine searched
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
	r.Segments += x.Segments
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

// life judges one life.
func (j *Judge) life(ctx context.Context, l Life) Judgment {
	ops := l.sorted()
	n, met, p := len(ops), met(ops), j.Spec.Promise()
	if p.Count == strategies.Approximate {
		ops = withoutBusyReads(ops)
	}
	leaveOpen(ops, p)
	r := j.ops(ctx, l.Start, ops)
	r.Met, r.Unjudged = met, n-len(ops)
	if r.Class == Unknown {
		r.Unknown = len(ops)
	} else {
		r.Judged = len(ops)
	}
	return r
}

// ops judges the sorted calls of a life.
func (j *Judge) ops(ctx context.Context, start int64, ops []Op) Judgment {
	whole := &Segment{j.Spec, []spec.State{j.Spec.Start(start)}, ops}
	r := Judgment{Class: Linearizable}
	if j.without&intervals == 0 {
		if s := newSweep(j.Spec.Promise(), start, ops); s != nil && s.inRange() {
			if why := s.wrong(); why != "" {
				r = Judgment{Class: Illegal, Found: "intervals", Reason: why, Segment: whole}
			}
		}
	}
	if j.without&search != 0 {
		return r
	}
	x := j.searched(ctx, whole)
	if r.Class == Illegal {
		// The search is for a picture of the part that matters.
		if x.Class == Illegal {
			r.Segment = x.Segment
		}
		return r
	}
	return x
}

// segmentLength is how many calls are searched at least between two cuts. Fewer
// would cost more than they save.
const segmentLength = 128

// searched judges the calls of a life by the search alone.
func (j *Judge) searched(ctx context.Context, whole *Segment) Judgment {
	if j.without&cuts != 0 {
		return j.search(ctx, whole, math.MaxInt)
	}
	r := j.search(ctx, whole, segmentLength)
	if r.Class == Illegal {
		// Now that it is known where, cut wherever that is possible: people
		// look at fewer calls.
		if x := j.search(ctx, r.Segment, 1); x.Class == Illegal {
			x.Segments = r.Segments
			return x
		}
	}
	return r
}

// search searches segments of at least so many calls one after the other.
func (j *Judge) search(ctx context.Context, whole *Segment, length int) (r Judgment) {
	states, ops := whole.Starts, whole.Ops
	r.Class = Linearizable
	for len(ops) > 0 && r.Class == Linearizable {
		n := cut(ops, length)
		s := &Segment{j.Spec, states, ops[:n]}
		ops = ops[n:]
		if n > 1 {
			r.Segments++
		}
		r.Class, states = s.search(ctx, j.timeout(), len(ops) == 0)
		if r.Class == Linearizable {
			continue
		}
		r.Found, r.Segment = "search", s
		switch {
		case r.Class == Illegal && n == 1:
			r.Reason = fmt.Sprintf("%s: not what is promised in state %q", describe(s.Ops[0]), possible(s.Starts))
		case r.Class == Illegal:
			r.Reason = fmt.Sprintf("no order of the %d calls at %d..%d explains the answers", n, s.Ops[0].Begin, s.lastEnd())
		case ctx.Err() != nil:
			r.Reason = "ended early: " + context.Cause(ctx).Error()
		default:
			r.Reason = fmt.Sprintf("no order was found in %v for %d calls, up to %d of them at once", j.timeout(), n, s.overlap())
		}
	}
	return r
}

func (j *Judge) timeout() time.Duration {
	if j.Timeout > 0 {
		return j.Timeout
	}
	return 2 * time.Second
}

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
		if o.Begin > end && (i == 1 && length < math.MaxInt || i >= length) {
			return i
		}
		end = max(end, o.End)
	}
	return len(ops)
}
