package search

// maxStates bounds the memory for states to about 270 MB. Beyond it none are
// added: the search stays right and gets slower.
const maxStates = 1 << 23

// states maps state hashes to a number.
type states struct {
	keys []uint64
	vals []uint64
	n    int
}

func (s *states) clear() {
	clear(s.keys)
	clear(s.vals)
	s.n = 0
}

// at returns the number of a state, and whether the state was there. It adds the
// state if there is room and returns nil if not.
func (s *states) at(h uint64) (*uint64, bool) {
	if h == 0 {
		h = 1
	}
	if 4*s.n >= 3*len(s.keys) && s.n < maxStates {
		s.grow()
	}
	mask := uint64(len(s.keys) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch s.keys[i] {
		case h:
			return &s.vals[i], true
		case 0:
			if s.n >= maxStates {
				return nil, false
			}
			s.keys[i] = h
			s.n++
			return &s.vals[i], false
		}
	}
}

func (s *states) grow() {
	keys, vals := s.keys, s.vals
	size := max(1<<10, 2*len(keys))
	s.keys, s.vals = make([]uint64, size), make([]uint64, size)
	mask := uint64(size - 1)
	for i, k := range keys {
		if k == 0 {
			continue
		}
		j := k & mask
		for s.keys[j] != 0 {
			j = (j + 1) & mask
		}
		s.keys[j], s.vals[j] = k, vals[i]
	}
}
