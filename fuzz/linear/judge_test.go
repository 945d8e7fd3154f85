package linear

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// verdictOf judges one life.
func verdictOf(t testing.TB, j *Judge, l Life) Judgment {
	t.Helper()
	r, err := j.Check(context.Background(), &History{Strategy: "simulated", Clock: ClockSteps, Lives: []Life{l}})
	if err != nil {
		t.Fatalf("%v: %v", err, l)
	}
	return r
}

// A part is a step of judging that can be left out.
type part uint8

const (
	intervals part = 1 << iota
	cuts
	search
)

// judge judges one life without some parts. Without none, a [Judge] does.
func (left part) judge(t testing.TB, sp *spec.Spec, l Life) (r Judgment) {
	t.Helper()
	j := &Judge{Spec: sp}
	whole := j.whole(l)
	switch {
	case left == 0:
		return verdictOf(t, j, l)
	case left&search != 0 || len(whole.Ops) == 0:
		r.Class = Linearizable
	case left&cuts == 0:
		r = j.searchAndCut(t.Context(), whole)
	default:
		r.Found = "search"
		r.Class, _ = whole.search(t.Context(), j.timeout(), true)
	}
	if why := whole.impossible(); left&intervals == 0 && why != "" {
		r = Judgment{Class: Illegal, Found: "intervals", Reason: why}
	}
	return r
}

// All ways to judge a short history agree with trying every order. The pre-check may
// miss what is wrong, but calls nothing wrong that isn't.
func TestClasssAreThoseOfTryingEveryOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for name, p := range sortedPromises() {
		sp := specOf(p)
		verdicts := make(map[Class]int)
		found := make(map[string]int)
		for i := range 2500 {
			m := simulation{rng: rng, sp: sp, clients: 1 + rng.IntN(3), ops: 1 + rng.IntN(6), guarded: rng.IntN(4) > 0, hurry: rng.IntN(101)}
			if rng.IntN(3) == 0 {
				m.start = p.Limit - rng.Int64N(3)
			}
			l := m.life()
			right := i%2 == 0
			if !right {
				spoil(rng, &l)
			}
			want, whole := Illegal, (&Judge{Spec: sp}).whole(l)
			if explained(sp, notLost(whole.Starts), whole.Ops) {
				want = Linearizable
			}
			if right && want != Linearizable {
				t.Fatalf("%s: the simulated history is illegal: %v", name, l)
			}
			verdicts[want]++
			for _, without := range []part{0, intervals, cuts, intervals | cuts} {
				if r := without.judge(t, sp, l); r.Class != want {
					t.Fatalf("%s, without parts %b: %s (%s), want %s, seed %d: %v", name, without, r.Class, r.Reason, want, seed, l)
				} else {
					found[r.Found]++
				}
			}
			if r := search.judge(t, sp, l); r.Class == Illegal && want != Illegal {
				t.Fatalf("%s: the intervals alone say %s, and an order explains it, seed %d: %v", name, r.Reason, seed, l)
			}
		}
		if verdicts[Illegal] < 100 || verdicts[Linearizable] < 1250 {
			t.Errorf("%s: %v: too few of one kind to show anything", name, verdicts)
		}
		if found["intervals"] < 30 || found["search"] < 30 {
			t.Errorf("%s: found by %v: one of them finds too little", name, found)
		}
	}
}

// Cutting where no call is going on doesn't change verdicts.
func TestCutsDontChangeClasss(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for name, p := range sortedPromises() {
		sp := specOf(p)
		verdicts := make(map[Class]int)
		segments := 0
		for i := range 60 {
			m := simulation{rng: rng, sp: sp, clients: 3, ops: 300, guarded: rng.IntN(4) > 0, hurry: 95}
			l := m.life()
			if i%2 == 1 {
				spoil(rng, &l)
			}
			one, all := intervals.judge(t, sp, l), (intervals|cuts).judge(t, sp, l)
			if one.Class != all.Class {
				t.Fatalf("%s: cut %s (%s), not cut %s (%s), seed %d: %v", name, one.Class, one.Reason, all.Class, all.Reason, seed, l)
			}
			verdicts[one.Class]++
			for ops := (&Judge{Spec: sp}).whole(l).Ops; len(ops) > 0; {
				n := cut(ops, segmentLength)
				if ops = ops[n:]; n > 1 {
					segments++
				}
			}
		}
		if verdicts[Illegal] < 5 || verdicts[Linearizable] < 30 || segments < 61 {
			t.Errorf("%s: %v in %d segments: too few to show anything", name, verdicts, segments)
		}
	}
}

// ops makes a history of one life by hand: "client begin end call answer".
func ops(t *testing.T, lines ...string) Life {
	t.Helper()
	l := Life{Start: 1}
	for _, line := range lines {
		o, err := parseOp(line)
		if err != nil {
			t.Fatal(err)
		}
		l.Ops = append(l.Ops, o)
	}
	return l
}

// Each rule of the pre-check finds a history that breaks it and no other.
func TestIntervalsAlone(t *testing.T) {
	afterKill := promise(func(p *strategies.Promise) { p.Zero = strategies.AfterKill })
	spurious := promise(func(p *strategies.Promise) { p.TryGet = strategies.Spurious })
	for _, c := range []struct {
		name    string
		promise strategies.Promise
		life    Life
		want    string // in the reason; "" if nothing is wrong
	}{
		{"a right life", promise(nil), ops(t, "0 1 2 Get -", "1 2 5 TryGet true", "0 3 6 Put false", "0 7 9 Kill false", "1 8 10 Put true", "1 11 12 TryGet false"), ""},
		{"two last drops", promise(nil), ops(t, "0 1 2 Get -", "0 3 5 Put true", "1 3 6 Kill true"), "both told"},
		{"the last while a reference is held", promise(nil), ops(t, "0 1 2 Get -", "0 3 4 Kill true"), "other references were held"},
		{"no last", promise(nil), ops(t, "0 1 2 Get -", "0 3 9 Put false", "1 4 8 Kill false"), "nobody was told"},
		{"no last, by the last to begin", promise(nil), ops(t, "0 1 2 Kill false"), "no other reference was there"},
		{"TryGet after death", promise(nil), ops(t, "0 1 2 Kill true", "1 3 4 TryGet true", "1 5 6 Put false"), "the count had died"},
		{"TryGet fails on a live count", promise(nil), ops(t, "1 1 2 TryGet false", "0 3 4 Kill true"), "the count was alive"},
		{"TryGet may fail on a live count", spurious, ops(t, "1 1 2 TryGet false", "0 3 4 Kill true"), ""},
		{"TryGet fails while it dies", promise(nil), ops(t, "1 1 4 TryGet false", "0 3 4 Kill true"), ""},
		{"a read of too many", promise(nil), ops(t, "0 1 4 Get -", "1 2 3 Count 3", "0 5 6 Put false", "0 7 8 Kill true"), "weren't so many"},
		{"a read of what may be", promise(nil), ops(t, "0 1 4 Get -", "1 2 3 Count 2", "0 5 6 Put false", "0 7 8 Kill true"), ""},
		{"zero before Kill isn't told", afterKill, ops(t, "0 1 2 Get -", "0 3 4 Put false", "0 5 6 Kill true"), ""},
		{"Kill isn't told", afterKill, ops(t, "0 1 2 Kill false"), "no other reference was there"},
		{"PutUnlessOne drops the last", promise(nil), ops(t, "0 1 2 Get -", "0 3 4 Kill false", "0 5 6 PutUnlessOne true"), "at most 1"},
		{"PutUnlessOne keeps one of several", promise(nil), ops(t, "0 1 2 Get -", "0 3 4 PutUnlessOne false", "0 5 6 Put false", "0 7 8 Kill true"), "wasn't 1"},
		{"PutIfOne keeps the last", promise(nil), ops(t, "0 1 2 Get -", "0 3 4 Kill false", "0 5 6 PutIfOne false", "0 7 8 Put true"), "1 reference was there"},
		{"TryGetLive after Kill", promise(nil), ops(t, "0 1 2 Get -", "0 3 4 Kill false", "1 5 6 TryGetLive true", "1 7 8 Put false", "0 7 8 Put true"), "had been killed"},
		{"TryGetLive fails before Kill", promise(nil), ops(t, "1 1 2 TryGetLive false", "0 3 4 Kill true"), "the count was alive"},
		{"TryGetLive fails while it is killed", promise(nil), ops(t, "0 1 2 Get -", "0 3 9 Kill false", "1 4 5 TryGetLive false", "0 10 11 Put true"), ""},
		{"TryGetLive takes a reference", promise(nil), ops(t, "1 1 2 TryGetLive true", "0 3 4 Kill true"), "other references were held"},
		{"what is brought back isn't judged", promise(nil), ops(t, "0 1 2 Kill true", "0 3 4 Resurrect -", "0 5 6 Put true"), ""},
		{"wrong use isn't judged", promise(nil), ops(t, "0 1 2 Kill true", "0 3 4 Get -", "0 5 6 Put true"), ""},
	} {
		sp := specOf(c.promise)
		r := search.judge(t, sp, c.life)
		switch {
		case c.want == "" && r.Class != Linearizable:
			t.Errorf("%s: %s: %s", c.name, r.Class, r.Reason)
		case c.want != "" && (r.Class != Illegal || r.Found != "intervals" || !strings.Contains(r.Reason, c.want)):
			t.Errorf("%s: %s by %q: %q, want a reason with %q", c.name, r.Class, r.Found, r.Reason, c.want)
		}
		// The search says the same.
		if s := intervals.judge(t, sp, c.life); s.Class != r.Class {
			t.Errorf("%s: the search says %s (%s)", c.name, s.Class, s.Reason)
		}
	}
}

// A Kill that waits takes effect when nobody else holds a reference, and by then others may
// have found the count closed.
func TestKillThatWaits(t *testing.T) {
	waits := promise(func(p *strategies.Promise) { p.Zero = strategies.Waits })
	closes := promise(func(p *strategies.Promise) { p.Zero, p.TryGetRefuses = strategies.Waits, strategies.OnceKilled })
	byCPU := promise(func(p *strategies.Promise) { p.Zero, p.TryGetRefuses = strategies.Waits, strategies.DuringKill })
	closesAlone := promise(func(p *strategies.Promise) { p.TryGetRefuses = strategies.OnceKilled })
	// Client 1 is inside all the time, and client 0 waits.
	inside := func(more ...string) Life {
		return ops(t, append(more, "1 1 2 Get -", "0 3 40 Kill true", "1 30 31 Put false", "1 50 51 TryGet false")...)
	}
	for _, c := range []struct {
		name    string
		promise strategies.Promise
		life    Life
		right   bool
	}{
		{"Kill waits", waits, inside(), true},
		{"Kill returns too early", waits, ops(t, "1 1 2 Get -", "0 3 4 Kill true", "1 5 6 Put false"), false},
		{"Kill doesn't report the last", waits, ops(t, "0 1 2 Kill false"), false},
		{"Put reports the last", waits, ops(t, "1 1 2 Get -", "0 3 9 Kill true", "1 4 5 Put true"), false},
		{"TryGet while Kill waits", waits, inside("2 10 11 TryGet true", "2 12 13 Put false"), true},
		{"TryGet that Kill doesn't wait for", waits, inside("2 10 11 TryGet true", "2 41 42 Put false"), false},
		{"TryGet fails though somebody is inside", waits, inside("2 10 11 TryGet false"), false},
		{"TryGet fails when the last has left", waits, inside("2 32 33 TryGet false"), true},
		{"TryGet fails since Kill has begun", closes, inside("2 10 11 TryGet false"), true},
		{"TryGet fails before Kill has begun", closes, inside("2 1 2 TryGet false"), false},
		{"TryGet before it closes", closes, inside("2 10 11 TryGet true", "2 12 13 Put false", "2 14 15 TryGet false"), true},
		{"TryGet after one that failed", closes, inside("2 10 11 TryGet false", "3 12 13 TryGet true", "3 14 15 Put false"), false},
		{"TryGet after one that failed, CPU by CPU", byCPU, inside("2 10 11 TryGet false", "3 12 13 TryGet true", "3 14 15 Put false"), true},
		{"TryGet fails before Kill has begun, CPU by CPU", byCPU, inside("2 1 2 TryGet false"), false},
		{"TryGet after Kill, CPU by CPU", byCPU, inside("2 41 42 TryGet true", "2 43 44 Put false"), false},
		{"TryGet after one that failed, of a count that doesn't wait", closesAlone,
			ops(t, "1 1 2 Get -", "0 3 20 Kill false", "2 4 5 TryGet false", "3 6 7 TryGet true", "3 8 9 Put false", "1 30 31 Put true"), false},
		{"TryGet after Kill", closesAlone, ops(t, "1 1 2 Get -", "0 3 4 Kill false", "2 5 6 TryGet true", "2 7 8 Put false", "1 9 10 Put true"), false},
		{"Kill counts all that TryGetN took meanwhile", closesAlone, ops(t, "0 1 11 Kill true", "1 3 5 TryGetN(3) true", "1 7 8 Drop -"), false},
		{"no TryGet after Kill", closesAlone, ops(t, "1 1 2 Get -", "0 3 4 Kill false", "2 5 6 TryGet false", "1 9 10 Put true"), true},
	} {
		sp := specOf(c.promise)
		want := map[bool]Class{true: Linearizable, false: Illegal}[c.right]
		if r := verdictOf(t, &Judge{Spec: sp}, c.life); r.Class != want {
			t.Errorf("%s: %s (%s), want %s", c.name, r.Class, r.Reason, want)
		}
		if r := intervals.judge(t, sp, c.life); r.Class != want {
			t.Errorf("%s: the search alone says %s (%s), want %s", c.name, r.Class, r.Reason, want)
		}
		if r := search.judge(t, sp, c.life); c.right && r.Class != Linearizable {
			t.Errorf("%s: the intervals alone say %s (%s)", c.name, r.Class, r.Reason)
		}
	}
}

// Two reads at one time, of which each may have been right, but not both.
func TestOnlyTheSearchFinds(t *testing.T) {
	l := ops(t, "0 1 20 Get -", "1 2 3 Count 2", "1 4 5 Count 1", "0 21 22 Put false", "0 23 24 Kill true")
	sp := specOf(promise(nil))
	if r := search.judge(t, sp, l); r.Class != Linearizable {
		t.Errorf("intervals alone: %s (%s): then this tests nothing", r.Class, r.Reason)
	}
	r := verdictOf(t, &Judge{Spec: sp}, l)
	if r.Class != Illegal || r.Found != "search" {
		t.Errorf("%s by %q, want %s by search", r.Class, r.Found, Illegal)
	}
	if r.Life != 0 || r.Segment == nil || len(r.Segment.Ops) != 3 {
		t.Fatalf("life %d, segment %+v, want life 0 and the three calls up to the cut", r.Life, r.Segment)
	}
	var page bytes.Buffer
	if err := r.Segment.WriteHTML(&page, time.Second); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<html", "Count -\\u003e 1", "2 references"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the picture doesn't contain %q", want)
		}
	}
}

func TestApproximateReads(t *testing.T) {
	sp := specOf(promise(func(p *strategies.Promise) { p.Count = strategies.Approximate }))
	for _, c := range []struct {
		name     string
		life     Life
		want     Class
		unjudged int
	}{
		{"wrong while another takes", ops(t, "0 1 4 Get -", "1 2 3 Count 7", "0 5 6 Put false", "0 7 8 Kill true"), Linearizable, 1},
		{"wrong before another takes", ops(t, "1 1 3 Count 7", "0 2 4 Get -", "0 5 6 Put false", "0 7 8 Kill true"), Linearizable, 1},
		{"wrong while another reads", ops(t, "0 1 3 Count 1", "1 2 4 Count 7", "0 7 8 Kill true"), Illegal, 0},
		{"wrong while nothing goes on", ops(t, "0 1 2 Get -", "1 3 4 Count 1", "0 5 6 Put false", "0 7 8 Kill true"), Illegal, 0},
		{"right while nothing goes on", ops(t, "0 1 2 Get -", "1 3 4 Count 2", "0 5 6 Put false", "0 7 8 Kill true"), Linearizable, 0},
	} {
		if r := verdictOf(t, &Judge{Spec: sp}, c.life); r.Class != c.want || r.Unjudged != c.unjudged {
			t.Errorf("%s: %s, %d unjudged, want %s and %d", c.name, r.Class, r.Unjudged, c.want, c.unjudged)
		}
	}
}

// What the contract leaves open is allowed while it is, and no longer.
func TestWhatIsLeftOpen(t *testing.T) {
	saturating := promise(func(p *strategies.Promise) { p.Width, p.Limit, p.Overflow = 0, 3, strategies.Saturates })
	losing := promise(func(p *strategies.Promise) { p.Underflow, p.Stray = strategies.Refuses, strategies.LastLost })
	refusing := promise(func(p *strategies.Promise) { p.Underflow = strategies.Refuses })
	at := func(start int64, l Life) Life { l.Start = start; return l }
	for _, c := range []struct {
		name    string
		promise strategies.Promise
		life    Life
		want    Class
	}{
		{"killed, but not dropped yet", promise(nil), ops(t, "1 1 2 TryGet true", "0 3 10 Kill true", "1 4 5 TryGetLive false", "1 6 7 Put false"), Linearizable},
		{"asked before it is killed", promise(nil), ops(t, "1 1 2 TryGet true", "1 3 6 TryGetLive false", "0 4 10 Kill true", "1 7 8 Put false"), Linearizable},
		{"not killed yet", promise(nil), ops(t, "1 1 2 TryGetLive true", "1 3 4 TryGetLive false", "0 5 10 Kill false", "1 11 12 Put true"), Illegal},
		{"killed", promise(nil), ops(t, "1 1 2 TryGet true", "0 3 4 Kill false", "1 5 6 TryGetLive true", "1 7 8 PutN(2) true"), Illegal},
		{"killed, while Kill goes on", promise(nil), ops(t, "1 1 2 TryGet true", "0 3 10 Kill false", "1 4 5 Count 1", "1 6 7 TryGetLive true", "1 11 12 PutN(2) true"), Linearizable},
		{"confirmed, while KillAndConfirm goes on", promise(nil), ops(t, "1 1 2 TryGet true", "0 3 10 KillAndConfirm false", "1 4 5 Count 1", "1 6 7 TryGetLive true", "1 11 12 PutN(2) true"), Illegal},
		{"asked while Kill goes on, with a reference to show for it", promise(nil), ops(t, "0 1 10 Kill false", "1 2 3 TryGetLive true", "1 11 12 Put true"), Linearizable},
		{"asked while Kill goes on, with nothing to show for it", promise(nil), ops(t, "0 1 10 Kill true", "1 2 3 TryGetLive true"), Illegal},
		{"asked while Kill goes on, by one who can't drop", promise(nil), ops(t, "0 1 10 Kill false", "1 2 3 TryGetLive true", "1 11 12 TryGet true", "1 13 14 PutN(2) false"), Illegal},
		{"dropped, and then asked", promise(nil), ops(t, "0 1 10 Kill true", "1 2 3 Count 0", "1 4 5 TryGetLive true"), Illegal},
		{"not alive yet", promise(nil), ops(t, "0 1 2 Kill true", "0 3 10 ResurrectLive -", "1 4 5 TryGet true", "1 6 7 TryGetLive false"), Linearizable},
		{"alive again", promise(nil), ops(t, "0 1 2 Kill true", "0 3 4 ResurrectLive -", "1 6 7 TryGetLive false"), Illegal},
		{"a new life", promise(nil), ops(t, "0 1 2 Kill true", "0 3 4 Reinit -", "1 6 7 TryGetLive true"), Linearizable},
		{"dead, not in a new life yet", promise(nil), ops(t, "0 1 2 Kill true", "0 3 10 Reinit -", "1 4 5 TryGet false", "1 6 7 TryGetLive true", "1 8 9 TryGet false"), Illegal},
		{"not stuck yet", saturating, at(3, ops(t, "0 1 10 Get -", "1 2 3 Count -1", "1 4 5 Put false", "1 6 7 Count 3", "1 11 12 Count -5")), Linearizable},
		{"not stuck at the end", saturating, at(3, ops(t, "0 1 10 Get -", "1 2 3 Count -1", "1 4 5 Put false", "1 11 12 Count 3")), Illegal},
		{"past the limit, and stuck by a drop", saturating, at(3, ops(t, "0 1 2 Get -", "1 3 10 Put false", "2 4 5 Count 3", "1 11 12 Count -5")), Linearizable},
		{"not stuck by a drop", saturating, at(3, ops(t, "0 1 2 Get -", "1 3 10 Put false", "2 4 5 Count 3", "1 11 12 Count 3")), Illegal},
		{"stuck, and dropped to the last", saturating, at(3, ops(t, "0 1 10 Get -", "1 2 3 Count -1", "1 4 5 PutN(4) true")), Illegal},
		{"one too many meets the last", losing, ops(t, "0 1 4 Kill false", "1 2 3 Put! false", "1 5 6 TryGet false"), Linearizable},
		{"one too many meets the last, which isn't promised", refusing, ops(t, "0 1 4 Kill false", "1 2 3 Put! false", "1 5 6 TryGet false"), Illegal},
		{"one too many meets the last, and the count lives on", losing, ops(t, "0 1 4 Kill false", "1 2 3 Put! false", "1 5 6 TryGet true"), Illegal},
		{"one too many meets the last, and both are told", losing, ops(t, "0 1 4 Kill true", "1 2 3 Put! true"), Illegal},
		{"one too many after the last", losing, ops(t, "0 1 2 Kill false", "1 3 4 Put! false"), Illegal},
		{"none too many", losing, at(2, ops(t, "0 1 4 Kill false", "1 2 3 Put false")), Illegal},
		{"one too many, later", losing, at(2, ops(t, "0 1 4 Kill false", "1 2 3 Put false", "1 5 6 Put! false")), Illegal},
		{"one too many before, and two that find one", losing, at(2, ops(t, "1 1 2 Put! false", "0 3 6 Kill false", "1 4 5 Put false", "1 7 8 Put false")), Linearizable},
		{"taken while both go on, for nothing", losing, ops(t, "0 1 4 Kill false", "1 2 9 Put! false", "2 5 6 TryGet true", "2 7 8 TryGet true", "2 10 11 Put false", "2 12 13 Put false"), Linearizable},
		{"taken when both have returned", losing, ops(t, "0 1 4 Kill false", "1 2 9 Put! false", "2 10 11 TryGet true"), Illegal},
		{"taken while both go on, and kept", losing, ops(t, "0 1 4 Kill false", "1 2 9 Put! false", "2 5 6 TryGet true", "2 10 11 Count 1"), Illegal},
		{"taken while both go on, and the last", losing, ops(t, "0 1 4 Kill false", "1 2 9 Put! false", "2 5 6 TryGet true", "2 7 8 Put true"), Linearizable},
		{"told while both go on, and told again", losing, ops(t, "0 1 4 Kill false", "1 2 9 Put! false", "2 5 6 TryGet true", "2 7 8 Put true", "2 10 11 Put! true"), Illegal},
	} {
		for _, without := range []part{0, intervals, intervals | cuts} {
			if r := without.judge(t, specOf(c.promise), c.life); r.Class != c.want {
				t.Errorf("%s, without parts %b: %s %s, want %s", c.name, without, r.Class, r.Reason, c.want)
			}
		}
		// Alone, the intervals don't find what isn't wrong.
		if r := search.judge(t, specOf(c.promise), c.life); r.Class == Illegal && c.want != Illegal {
			t.Errorf("%s: the intervals say %s", c.name, r.Reason)
		}
	}
}

// tooMuch is a history that no search of this kind decides: sixty reads at once, each
// possible, but not all of them in any order.
func tooMuch() Life {
	l := Life{Start: 1}
	for i := range 30 {
		l.Ops = append(l.Ops,
			Op{Client: 2 * i, Call: spec.Call{Op: spec.TryGetN, N: 1 << i}, Result: true, Begin: 1, End: 1000},
			Op{Client: 2*i + 1, Call: spec.Call{Op: spec.PutN, N: 1 << i}, Begin: 1, End: 1000})
	}
	l.Ops = append(l.Ops, Op{Client: 60, Call: spec.Call{Op: spec.Count}, Value: 1 << 29, Begin: 2, End: 999})
	l.Ops = append(l.Ops, Op{Client: 60, Call: spec.Call{Op: spec.Count}, Value: 1<<29 + 1<<28, Begin: 1001, End: 1002})
	return l
}

func TestWhatIsNotDecidedIsUnknown(t *testing.T) {
	sp := specOf(promise(func(p *strategies.Promise) { p.Limit, p.Width, p.Underflow = 1<<62, 64, strategies.Wraps }))
	h := &History{Strategy: "simulated", Clock: ClockSteps, Lives: []Life{
		ops(t, "0 1 2 Kill true"), tooMuch(), ops(t, "0 1 2 Get -", "0 3 4 Put false"),
	}}
	const timeout = 50 * time.Millisecond
	begin := time.Now()
	r, err := (&Judge{Spec: sp, Timeout: timeout}).Check(context.Background(), h)
	if err != nil {
		t.Fatal(err)
	}
	// Without the timeout it would take years.
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("took %v with a timeout of %v", took, timeout)
	}
	if r.Class != Unknown || r.Life != 1 || r.Unknown != 62 || r.Judged != 3 || !strings.Contains(r.Reason, "60 of them at once") && !strings.Contains(r.Reason, "61 of them at once") {
		t.Errorf("%s: %+v", r.Class, r)
	}
	// An illegal life decides for the whole, whatever is unknown besides.
	h.Lives = append(h.Lives, ops(t, "0 1 2 Kill false"))
	r, err = (&Judge{Spec: sp, Timeout: timeout}).Check(context.Background(), h)
	if err != nil || r.Class != Illegal || r.Life != 3 {
		t.Errorf("%s, life %d, %v, want %s of life 3", r.Class, r.Life, err, Illegal)
	}
	// What isn't judged because there is no time left isn't a pass either.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err = (&Judge{Spec: sp}).Check(ctx, &History{Lives: []Life{ops(t, "0 1 3 Get -", "1 2 4 Count 1")}})
	if err != nil || r.Class != Unknown {
		t.Errorf("after the end of its context: %s, %v, want %s", r.Class, err, Unknown)
	}
}

func TestImpossibleHistories(t *testing.T) {
	j := &Judge{Spec: specOf(promise(nil))}
	for name, l := range map[string]Life{
		"a client at two places": ops(t, "0 1 5 Get -", "0 3 6 Put false"),
		"no reference at first":  {Start: 0},
		"client 64":              {Start: 1, Ops: []Op{{Client: MaxClients, Call: spec.Call{Op: spec.Get}}}},
		"an end before":          {Start: 1, Ops: []Op{{Call: spec.Call{Op: spec.Get}, Begin: 2, End: 1}}},
		"no references taken":    {Start: 1, Ops: []Op{{Call: spec.Call{Op: spec.GetN}, Begin: 1, End: 2}}},
		"an endless call":        {Start: 1, Ops: []Op{{Call: spec.Call{Op: spec.Get}, Begin: 1, End: 1<<63 - 1}}},
	} {
		if _, err := j.Check(context.Background(), &History{Lives: []Life{l}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMet(t *testing.T) {
	l := ops(t, "0 1 2 Get -", "1 2 4 TryGet true", "2 3 9 TryGet true", "0 10 11 Put false", "1 20 21 Put false")
	if n := met(l.sorted()); n != 3 {
		t.Errorf("%d calls met another, want the first 3", n)
	}
	if n := met(slices.Clip(l.Ops[3:])); n != 0 {
		t.Errorf("%d calls met another, want none", n)
	}
}
