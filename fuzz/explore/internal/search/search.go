// Package search holds the ways to choose schedules.
//
//   - [Random] walks at random: at each point every thread is as likely as any
//     other. It finds narrow windows fast.
//   - [PCT] gives threads random priorities and lowers them at a few random
//     points (Burckhardt, Kothari, Musuvathi, Nagarakatte: "A Randomized
//     Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010). It
//     finds bugs that need a long wait at one place, which a random walk never
//     does.
//   - [POS] draws the order of steps that depend on each other, [URW] the order of
//     all steps at shared locations. They find what lies behind many steps that
//     nobody else can see.
//   - [DFS] tries all schedules, or all with at most so many preemptions, and
//     leaves out what can't make a difference.
package search

import "math/bits"

// rng is splitmix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number
// Generators", OOPSLA 2014): a stream for each execution costs one addition.
type rng struct{ s uint64 }

func (r *rng) next() uint64 {
	r.s += 0x9e3779b97f4a7c15
	z := r.s
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number less than n, at most 2^32. The bias is below n / 2^32.
func (r *rng) below(n int) int { return int(r.next() >> 32 * uint64(n) >> 32) }

func lowest(mask uint64) int { return bits.TrailingZeros64(mask) }

// member returns a random member of the mask.
func (r *rng) member(mask uint64) int {
	n := bits.OnesCount64(mask)
	if n <= 1 {
		return bits.TrailingZeros64(mask)
	}
	k := r.below(n)
	if mask < uint64(len(members)) {
		return int(members[mask][k])
	}
	for ; k > 0; k-- {
		mask &= mask - 1
	}
	return bits.TrailingZeros64(mask)
}

// members are those of each small mask in order: to count off as many of them as a random
// number says is a branch that is wrong most of the time.
var members = func() (m [256][8]uint8) {
	for mask := range m {
		k := 0
		for i := range 8 {
			if mask>>i&1 != 0 {
				m[mask][k] = uint8(i)
				k++
			}
		}
	}
	return m
}()

// seedFor returns the seed of an execution: one seed fixes everything.
func seedFor(seed uint64, execution int) uint64 {
	r := rng{seed ^ uint64(execution)*0xd1342543de82ef95}
	return r.next()
}

// chooseCPU is what the random searches do: mostly stay, sometimes move.
func (r *rng) chooseCPU(mask uint64, cur int, inverse int) int {
	if mask&(1<<cur) != 0 && r.below(inverse) != 0 {
		return cur
	}
	return r.member(mask)
}
