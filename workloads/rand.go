package workloads

// Rand is a small generator of pseudo-random numbers for choices in timed loops
// (xorshift64*, Vigna 2016, "An experimental exploration of Marsaglia's xorshift
// generators, scrambled"). It costs a nanosecond and no memory access.
type Rand uint64

// NewRand returns the generator for a worker of an instance with the seed.
func NewRand(seed uint64, worker int) Rand {
	// The constant is 2^64 divided by the golden ratio: it spreads small
	// seeds and worker numbers over all bits. Zero would stay zero.
	return Rand((seed+uint64(worker)+1)*0x9E3779B97F4A7C15 | 1)
}

// Below returns a number in 0 .. n-1. n is less than 2^32.
func (r *Rand) Below(n int) int {
	x := uint64(*r)
	x ^= x >> 12
	x ^= x << 25
	x ^= x >> 27
	*r = Rand(x)
	return int(x * 0x2545F4914F6CDD1D >> 32 * uint64(n) >> 32)
}
