package workloads

import "math/rand/v2"

// Popularity picks one of several objects for each operation, some more often
// than others.
type Popularity struct {
	n int
	// draws are picks made beforehand: a draw from Zipf's distribution
	// takes longer than the operations that workloads measure. nil means
	// that all objects are alike.
	draws []uint16
}

// PopularityKnob returns the knob that NewPopularity's skew is set by.
func PopularityKnob(value int) Knob {
	return Knob{
		Name:    "skew",
		Doc:     "popularity: 0 is the same for all, others are hundredths by which the exponent of Zipf's law exceeds 1",
		Default: value, Min: 0, Max: 400,
	}
}

// minDraws is enough for the shares of a few dozen objects to come out within
// some percent, in a table that leaves room in a first-level cache.
const minDraws = 1 << 12

// NewPopularity returns the popularity of n objects, 1 .. 65536, of which the
// first is the most popular. skew is the knob's value: if it isn't zero, the
// object with number k is picked in proportion to 1/(k+1)^(1+skew/100). The
// choice is fixed by the seed.
func NewPopularity(n, skew int, seed uint64) Popularity {
	p := Popularity{n: n}
	if skew == 0 || n == 1 {
		return p
	}
	size := minDraws
	for size < 4*n {
		size *= 2
	}
	p.draws = make([]uint16, size)
	z := rand.NewZipf(rand.New(rand.NewPCG(seed, uint64(n))), 1+float64(skew)/100, 1, uint64(n-1))
	for i := range p.draws {
		p.draws[i] = uint16(z.Uint64())
	}
	return p
}

// N returns how many objects there are.
func (p *Popularity) N() int { return p.n }

// Pick returns the number of an object.
func (p *Popularity) Pick(r *Rand) int {
	if p.draws == nil {
		return r.Below(p.n)
	}
	return int(p.draws[r.Below(len(p.draws))])
}
