package search

import "github.com/refbench/refbench/fuzz/explore/internal/engine"

// URW is the selectively uniform random walk (Zhao, Wolff, Mathur, Roychoudhury:
// "Selectively Uniform Concurrency Testing", ASPLOS 2025). Who goes on is drawn with a
// weight for each thread: how many steps that matter it has left. Then each order of
// these steps is about as likely as any other, where a random walk favours those in which
// threads keep step.
//
// Steps that matter are, in one execution of two, those at locations that several threads
// touch, and in the other those at one such location, drawn anew each time. Steps that
// don't are made when their thread's turn comes. Which locations are shared, and how
// many steps threads make there, is learned from earlier executions: the first is a
// random walk.
//
// It needs engine.Options.Locations.
type URW struct {
	Seed uint64

	r     rng
	learn bool   // nothing is known yet
	all   bool   // all shared locations matter
	one   uint32 // or this one
	next  int    // whose step that matters is next, by ID; -1: to be drawn
	left  []int32

	places places
	steps  []int32 // at all shared locations, by thread's number: the most in one execution
	now    []int32 // ... in this one
}

// Begin starts execution i.
func (s *URW) Begin(i int) {
	s.r.s = seedFor(s.Seed, i)
	for number, n := range s.now {
		s.steps[number] = max(s.steps[number], n)
	}
	clear(s.now)
	s.places.begin()
	s.next, s.left = -1, s.left[:0]
	s.learn = len(s.places.shared) == 0
	if s.all = i&1 != 0; s.all || s.learn {
		s.left = append(s.left, s.steps...)
		return
	}
	s.one = s.places.shared[s.r.below(len(s.places.shared))]
	for _, m := range s.places.at[s.one].made {
		s.left = append(s.left, m.most)
	}
}

// Pick lets the thread that was drawn come to a step that matters, and draws another
// after it.
func (s *URW) Pick(e *engine.Engine, candidates uint64, cur int) (int, int) {
	if s.next < 0 || candidates&(1<<s.next) == 0 {
		s.next = s.draw(e, candidates)
	}
	who := s.next
	if !s.all && !s.learn {
		// Steps at other shared locations are made in any order.
		if cur >= 0 && candidates&(1<<cur) != 0 && !s.places.shares(e.Thread(cur)) {
			who = cur
		} else {
			free := candidates
			for m := candidates &^ (1 << s.next); m != 0; m &= m - 1 {
				if i := lowest(m); s.matters(e.Thread(i)) {
					free &^= 1 << i
				}
			}
			who = s.r.member(free)
		}
	}
	t := e.Thread(who)
	if s.matters(t) {
		s.next = -1
		if t.Number < len(s.left) && s.left[t.Number] > 0 {
			s.left[t.Number]--
		}
	}
	s.places.note(t)
	for len(s.now) <= t.Number {
		s.now, s.steps = append(s.now, 0), append(s.steps, 0)
	}
	if s.places.shares(t) {
		s.now[t.Number]++
	}
	return who, 0
}

// draw returns one of the candidates, with the weight of what it has left. Threads that
// haven't been started count for the first, which starts them or has started who does.
func (s *URW) draw(e *engine.Engine, candidates uint64) int {
	total := 0
	var weights [engine.MaxThreads]int
	for m := candidates; m != 0; m &= m - 1 {
		i := lowest(m)
		w := 0
		if number := e.Thread(i).Number; number < len(s.left) {
			w = int(s.left[number])
		}
		if e.Thread(i).Number == 0 {
			for number := e.Started(); number < len(s.left); number++ {
				w += int(s.left[number])
			}
		}
		weights[i] = w
		total += w
	}
	if total == 0 {
		return s.r.member(candidates)
	}
	x := s.r.below(total)
	for m := candidates; ; m &= m - 1 {
		i := lowest(m)
		if x -= weights[i]; x < 0 {
			return i
		}
	}
}

// matters reports whether the thread's next step does.
func (s *URW) matters(t *engine.Thread) bool {
	switch {
	case s.learn:
		return true
	case s.all:
		return s.places.shares(t)
	}
	for _, loc := range t.With() {
		if loc == s.one {
			return true
		}
	}
	return t.Op().Loc == s.one
}

// PickCPU moves one time in two.
func (s *URW) PickCPU(_ *engine.Engine, mask uint64, cur int) int {
	return s.r.chooseCPU(mask, cur, 2)
}

// PickWay picks any.
func (s *URW) PickWay(_ *engine.Engine, n int) int { return s.r.below(n) }
