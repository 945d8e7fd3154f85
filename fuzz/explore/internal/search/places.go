package search

import "github.com/refbench/refbench/fuzz/explore/internal/engine"

// places are what earlier executions have shown of locations. It changes nothing of what
// a search may do if it is wrong, as it is of locations that another thread comes to
// first in another execution: their IDs are others then.
type places struct {
	at     map[uint32]*place
	shared []uint32 // locations, in the order in which they were seen to be shared
	run    int      // executions begun
}

// A place is what is known of a location.
type place struct {
	by            int // the number of the thread that came to it first
	others, wrote bool
	made          []made // by thread's number
}

// made is how many steps a thread has made at a location.
type made struct {
	run       int // the execution
	now, most int32
}

func (p *place) shared() bool { return p.others && p.wrote }

// mostPlaces bounds the memory for places. What else there is counts as not shared.
const mostPlaces = 1 << 14

// begin begins an execution.
func (s *places) begin() {
	if s.at == nil {
		s.at = make(map[uint32]*place)
	}
	s.run++
}

// shares reports whether the thread's next step is at a location that several threads
// touch, or maybe anywhere.
func (s *places) shares(t *engine.Thread) bool {
	if op := t.Op(); op.Loc == engine.NoLoc {
		return op.Kind == engine.OpPoint
	}
	for _, loc := range t.With() {
		if p := s.at[loc]; p != nil && p.shared() {
			return true
		}
	}
	p := s.at[t.Op().Loc]
	return p != nil && p.shared()
}

// note learns from the thread's next step.
func (s *places) note(t *engine.Thread) {
	s.noteAt(t, t.Op().Loc)
	for _, loc := range t.With() {
		s.noteAt(t, loc)
	}
}

func (s *places) noteAt(t *engine.Thread, loc uint32) {
	if loc == engine.NoLoc {
		return
	}
	p := s.at[loc]
	if p == nil {
		if len(s.at) == mostPlaces {
			return
		}
		p = &place{by: t.Number}
		s.at[loc] = p
	}
	was := p.shared()
	p.others = p.others || p.by != t.Number
	p.wrote = p.wrote || !t.Op().Kind.Reads()
	if p.shared() && !was {
		s.shared = append(s.shared, loc)
	}
	for len(p.made) <= t.Number {
		p.made = append(p.made, made{})
	}
	m := &p.made[t.Number]
	if m.run != s.run {
		m.run, m.now = s.run, 0
	}
	m.now++
	m.most = max(m.most, m.now)
}
