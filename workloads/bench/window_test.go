package bench

import (
	"math"
	"testing"
	"time"
)

func TestOverlapRunsFromLatestStartToEarliestEnd(t *testing.T) {
	b := func(end, ops int64) batch { return batch{end, ops} }
	for _, tt := range []struct {
		name   string
		tracks []track
		window time.Duration
		share  float64
		ops    uint64
		jain   float64
	}{
		{"one worker: everything counts", []track{{0, []batch{b(10, 5), b(20, 5)}}}, 20, 1, 10, 1},
		{"two alike", []track{{0, []batch{b(10, 5)}}, {0, []batch{b(10, 5)}}}, 10, 1, 10, 1},
		{"whole batches outside don't count",
			[]track{{0, []batch{b(10, 100), b(20, 7), b(30, 100)}}, {10, []batch{b(20, 7)}}}, 10, 1. / 3, 14, 1},
		{"a batch that an edge cuts counts in part",
			[]track{{0, []batch{b(20, 10), b(40, 10)}}, {15, []batch{b(35, 10)}}}, 20, .5, 20, 1},
		{"one does everything", []track{{0, []batch{b(10, 50)}}, {0, []batch{b(10, 0)}}}, 10, 1, 50, .5},
		{"a batch too short for the clock", []track{{0, []batch{b(0, 3), b(10, 5)}}}, 10, 1, 8, 1},
		{"no overlap", []track{{0, []batch{b(10, 5)}}, {10, []batch{b(20, 5)}}}, 0, 0, 0, 0},
		{"no batch", []track{{0, []batch{b(10, 5)}}, {5, nil}}, 0, 0, 0, 0},
		{"nobody", nil, 0, 0, 0, 0},
	} {
		o := overlapOf(tt.tracks)
		if o.window != tt.window || o.ops != tt.ops || math.Abs(o.share-tt.share) > 1e-12 || math.Abs(o.jain-tt.jain) > 1e-12 {
			t.Errorf("%s: window %v, share %v, ops %v, jain %v, want %v, %v, %v, %v", tt.name, o.window, o.share, o.ops, o.jain, tt.window, tt.share, tt.ops, tt.jain)
		}
	}
}

func TestBatchSizeFindsItsTime(t *testing.T) {
	for _, cost := range []time.Duration{1, 13, 4000, 200_000} { // ns an operation
		size := 1
		for range 40 {
			size = nextSize(size, size, time.Duration(size)*cost, batchTime)
		}
		took := time.Duration(size) * cost
		if cost < batchTime && (took < batchTime*8/10 || took > batchTime*12/10) || cost >= batchTime && size != 1 {
			t.Errorf("operations of %v: batches of %d take %v, want about %v", cost, size, took, batchTime)
		}
	}
	if n := nextSize(1000, 1000, 100*batchTime, batchTime); n != 500 {
		t.Errorf("after an interrupted batch of 1000: %d, want 500", n)
	}
	if n := nextSize(mostOps, mostOps, 0, batchTime); n != mostOps {
		t.Errorf("operations that cost nothing: %d, want at most %d", n, mostOps)
	}
}
