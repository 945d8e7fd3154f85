package arena

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies/judge"
)

// fields are the word's, each in a variable of its own.
type fields struct {
	inflight, told, revived, late uint64
	held                          int64
	sequence                      uint64
}

func split(w uint64) fields {
	return fields{w & inflightMax, w & toldMax / toldOne, w & revivedMax / revivedOne, w & lateBit / lateBit, heldIn(w), w / sequenceOne}
}

func (f fields) word() uint64 {
	return f.inflight | f.told*toldOne | f.revived*revivedOne | f.late*lateBit | uint64(f.held+heldZero/heldOne)*heldOne | f.sequence*sequenceOne
}

// The fields of a word never disturb each other: begin near the limits and do
// what actors do.
func TestFieldsDoNotDisturbEachOther(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	near := func(limit int64) int64 {
		if random.IntN(2) == 0 {
			return random.Int64N(3)
		}
		return limit - random.Int64N(3)
	}
	for round := range 5_000 {
		log := new(Log)
		a, b := log.Actor("a"), log.Actor("b")
		s := log.newShadow(false)
		s.life.Store(lifeLive)
		s.inited.Store(lifeLive)
		f := fields{
			// Some others are at it all the time, so that nothing
			// is judged and only the fields change.
			inflight: uint64(1 + near(maxActors-8)),
			told:     uint64(near(7)),
			revived:  1 + uint64(near(6)),
			held:     near(1<<27-4) * int64(1-2*random.IntN(2)),
			sequence: uint64(near(1<<16 - 1)),
		}
		f.sequence &= 1<<16 - 1
		s.word.Store(f.word())
		if got := split(s.word.Load()); got != f {
			t.Fatalf("seed %d, round %d: %+v was put together as %+v", seed, round, f, got)
		}
		check := func(what string) {
			t.Helper()
			f.sequence &= 1<<16 - 1
			if got := split(s.word.Load()); got != f {
				t.Fatalf("seed %d, round %d, after %s: %+v, want %+v", seed, round, what, got, f)
			}
		}
		if f.held > 1<<27-4 || f.held < -(1<<27-4) {
			f.held /= 2
			s.word.Store(f.word())
		}
		switch random.IntN(5) {
		case 0:
			a.BeginTake(s, OpTryGet)
			f.inflight++
			f.sequence++
			check("TryGet's begin")
			h := a.EndTake(s, OpTryGet)
			f.inflight--
			f.held++
			check("its end")
			b.BeginDrop(s, OpPut, h)
			f.inflight++
			f.held--
			f.sequence++
			check("Put's begin")
			b.EndDrop(s, OpPut, true)
			f.inflight--
			f.told = min(7, f.told+1)
			check("its end, the last")
		case 1:
			a.BeginTake(s, OpResurrect)
			f.inflight++
			f.sequence++
			f.revived = min(7, f.revived+1)
			check("Resurrect's begin")
			h := a.EndTake(s, OpResurrect)
			f.inflight--
			f.held++
			check("its end")
			d := a.BeginDropIf(s, OpPutIfOne, h)
			f.inflight++
			f.held--
			f.sequence++
			check("PutIfOne's begin")
			a.EndDropIf(s, OpPutIfOne, h, d, false)
			f.inflight--
			f.held++
			check("its failure")
		case 2:
			a.BeginTake(s, OpGet)
			check("Get's begin")
			h := a.EndTake(s, OpGet)
			f.held++
			f.sequence++
			check("its end")
			a.BeginDrop(s, OpPut, h)
			a.EndDrop(s, OpPut, false)
			f.held--
			f.sequence++
			check("Put")
		case 3:
			a.BeginTake(s, OpTryGet)
			a.EndTakeFailed(s)
			f.sequence++
			check("a failed TryGet")
		case 4:
			s.life.Store(lifeStates + lifeLive)
			a.BeginInit(s)
			f = fields{inflight: f.inflight + 1, sequence: f.sequence + 1}
			check("Init's begin")
			a.EndTake(s, OpInit)
			f.inflight--
			f.held++
			check("its end")
		}
	}
}

// The sequence goes round, and the history goes on in order.
func TestSequenceGoesRound(t *testing.T) {
	log := new(Log)
	a, b := log.Actor("a"), log.Actor("b")
	s := log.newShadow(false)
	s.life.Store(lifeLive)
	s.word.Store(s.word.Load() | (1<<16-6)*sequenceOne)
	a.BeginInit(s)
	owner := a.EndTake(s, OpInit)
	for range 4 {
		b.BeginTake(s, OpTryGet)
		h := b.EndTake(s, OpTryGet)
		a.BeginDrop(s, OpPut, h)
		a.EndDrop(s, OpPut, false)
	}
	if w := s.word.Load() / sequenceOne; w > 10 {
		t.Fatalf("the sequence is at %d: it didn't go round", w)
	}
	want := strings.TrimSuffix(strings.Repeat("b TryGet, a Put, ", 4), ", ")
	if got := s.history(lifeLive); got != want {
		t.Errorf("history %q, want %q", got, want)
	}
	a.BeginDrop(s, OpPut, owner)
	a.EndDrop(s, OpPut, true)
	if counts, notes := log.Violations(); counts != [judge.Kinds]uint64{} {
		t.Errorf("violations: %v", notes)
	}
}

// What an actor does with one object leaves what it did with others in the history.
func TestHistoryIsOfOneObject(t *testing.T) {
	log := new(Log)
	a := log.Actor("a")
	var objects [2 * historyWays]*Shadow
	for i := range objects {
		objects[i] = log.newShadow(false)
		objects[i].life.Store(lifeLive)
		a.BeginInit(objects[i])
		a.EndTake(objects[i], OpInit)
	}
	for i, s := range objects {
		if got := s.history(lifeLive); got != "a Init" {
			t.Errorf("object %d of %d: history %q, want a Init", i, len(objects), got)
		}
	}
}

// The table of an actor whose holds others drop grows with the number of holds at
// a time, not with the number of holds ever.
func TestTableDoesNotGrowWithTime(t *testing.T) {
	for _, outstanding := range []int{1, 63, 64, 1000} {
		log := new(Log)
		a, b := log.Actor("a"), log.Actor("b")
		s := log.newShadow(false)
		s.life.Store(lifeLive)
		a.BeginInit(s)
		a.EndTake(s, OpInit)
		var held []Hold
		for i := range 50_000 {
			a.BeginTake(s, OpGet)
			held = append(held, a.EndTake(s, OpGet))
			if len(held) == outstanding {
				by := b
				if i%7 == 0 {
					by = a
				}
				for _, h := range held {
					by.BeginDrop(s, OpPut, h)
					by.EndDrop(s, OpPut, false)
				}
				held = held[:0]
			}
		}
		if n := len(a.entries); n > max(64, 4*outstanding) {
			t.Errorf("%d entries for %d references at a time", n, outstanding)
		}
		if counts, notes := log.Violations(); counts != [judge.Kinds]uint64{} {
			t.Errorf("violations: %v", notes)
		}
	}
}
