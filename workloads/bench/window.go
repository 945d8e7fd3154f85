package bench

import (
	"math"
	"time"
)

// A batch is a call of Instance.Work in the timed part.
type batch struct {
	end int64 // ns on the sample's clock; the next batch begins here
	ops int64
}

// A track is what one worker did in its timed part.
type track struct {
	start   int64 // ns; the first batch begins here
	batches []batch
}

func (t track) end() int64 {
	if len(t.batches) == 0 {
		return t.start
	}
	return t.batches[len(t.batches)-1].end
}

// opsIn returns the operations between two instants. A batch that an edge cuts
// counts for the part of its time that lies inside, as if its operations were
// spread evenly. So the error at an edge is at most one batch, and batches are
// made short: see batchTime.
func (t track) opsIn(from, to int64) float64 {
	var ops float64
	begin := t.start
	for _, b := range t.batches {
		lo, hi := max(begin, from), min(b.end, to)
		switch {
		case b.end == begin && from <= begin && begin < to:
			ops += float64(b.ops) // too short for the clock
		case lo < hi:
			ops += float64(b.ops) * float64(hi-lo) / float64(b.end-begin)
		}
		begin = b.end
	}
	return ops
}

// overlap is what happened in the window in which every worker's timed part
// ran: from the latest start to the earliest end.
type overlap struct {
	window  time.Duration
	share   float64 // of the time from the earliest start to the latest end
	perWork []float64
	ops     uint64
	jain    float64
}

// overlapOf returns the overlap. If there is none, ops is 0.
func overlapOf(tracks []track) overlap {
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, t := range tracks {
		from, to = max(from, t.start), min(to, t.end())
		first, last = min(first, t.start), max(last, t.end())
	}
	if len(tracks) == 0 || from >= to {
		return overlap{}
	}
	o := overlap{
		window:  time.Duration(to - from),
		share:   float64(to-from) / float64(last-first),
		perWork: make([]float64, len(tracks)),
	}
	var sum, squares float64
	for i, t := range tracks {
		n := t.opsIn(from, to)
		o.perWork[i] = n
		sum += n
		squares += n * n
	}
	o.ops = uint64(math.Round(sum))
	if squares > 0 {
		o.jain = sum * sum / (float64(len(tracks)) * squares)
	}
	return o
}
