package explore_test

//lint:file-ignore SA2001 critical sections are empty where only the locking is tested

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/cpu"
	"github.com/refbench/refbench/fuzz/explore/runtime"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
)

// outcomes runs a small program of every primitive and collects in how many ways
// it can end: what each thread has seen, and memory.
//
//	a..c  load x, y, z        A..C  store to them      0..2  add 1 to them
//	p, q  compare x, y with what was last seen and add 2
//	m     lock, add to z, unlock      w  add to the CPU's word while pinned
//	r     the same unpinned           s  wait until x isn't 0, at most twice
//	t     try to lock                 l     load x three times
//	d, e  load u, v                   D, E  store to them, which others see later
//	f     a barrier of all CPUs
//
// The CPUs' words are stored to in the same way as u and v.
func outcomes(t *testing.T, program explore.Program, o explore.Options, values bool) (map[string]bool, *explore.Result) {
	t.Helper()
	ends := make(map[string]bool)
	s := &explore.Scenario{Name: "outcomes", Program: program, CPUs: 2, Make: func(p explore.Program) explore.Case {
		var v [3]atomic.Int64
		var onCPU, late [2]cpu.Buffered
		var mu sync.Mutex
		seen := make([][]int64, len(p))
		c := explore.Case{Values: values}
		c.Setup = func() {
			for i := range v {
				v[i].Store(0)
			}
			for i := range onCPU {
				onCPU[i].Store(0)
				late[i].Store(0)
			}
			mu.Lock() // touched, so that it has a number
			mu.Unlock()
		}
		for i, words := range p.Words() {
			c.Threads = append(c.Threads, func() {
				seen[i] = seen[i][:0]
				see := func(x int64) { seen[i] = append(seen[i], x) }
				last := int64(0)
				for k, word := range words {
					op := word[0]
					switch {
					case op >= 'a' && op <= 'c':
						last = v[op-'a'].Load()
						see(last)
					case op >= 'A' && op <= 'C':
						v[op-'A'].Store(int64(10*(i+1) + k))
					case op >= '0' && op <= '2':
						see(v[op-'0'].Add(1))
					case op == 'p' || op == 'q':
						if v[op-'p'].CompareAndSwap(last, last+2) {
							see(-1)
						} else {
							see(-2)
						}
					case op == 'm':
						mu.Lock()
						v[2].Store(v[2].Load() + 1)
						mu.Unlock()
					case op == 't':
						if mu.TryLock() {
							see(-3)
							mu.Unlock()
						} else {
							see(-4)
						}
					case op == 'w':
						w := &onCPU[cpu.Pin()]
						w.Store(w.Load() + 1)
						cpu.Unpin()
					case op == 'r':
						on := cpu.Current()
						see(int64(on))
						w := &onCPU[on]
						w.Store(w.Load() + 1)
					case op == 'd' || op == 'e':
						see(late[op-'d'].Load())
					case op == 'D' || op == 'E':
						late[op-'D'].Store(int64(10*(i+1) + k))
					case op == 'f':
						cpu.Barrier()
					case op == 'l':
						for range 3 {
							see(v[0].Load())
						}
					case op == 's':
						for n := 0; v[0].Load() == 0 && n < 2; n++ {
							runtime.Gosched()
						}
					}
				}
			})
		}
		c.Finish = func() {
			ends[fmt.Sprint(seen, v[0].Load(), v[1].Load(), v[2].Load(), onCPU[0].Load(), onCPU[1].Load(), late[0].Load(), late[1].Load())] = true
		}
		return c
	}}
	r, err := explore.Explore(s, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Failure != nil {
		t.Fatalf("program %v: %v", program, r.Failure.Text())
	}
	return ends, r
}

// TestReductionsLoseNothing: depth-first search that leaves schedules out ends in
// the same ways as one that doesn't.
func TestReductionsLoseNothing(t *testing.T) {
	// Who finds that a buffer has drained changes what others find. In the first, T1 sees T0's store and
	// T2 doesn't, after it, only if T2 looks before T1, and T0 meanwhile only loads.
	buffered := []explore.Program{{"D b a", "d A", "B d"}, {"D b a", "B d", "d A"}, {"D a", "A f d", "d"}, {"D e", "E d", "e"}}
	// Half of the other programs are about store buffers too.
	alphabets := [2]string{"abcABC012pqmwrtlsdDeEf", "ddDeEEf0w"}
	seed := uint64(20)
	rng := rand.New(rand.NewPCG(seed, 0))
	var plainTotal, reducedTotal, hashedTotal, compared, fair int
	for compared < 400 {
		n := 2 + rng.IntN(2)
		p := make(explore.Program, n)
		for i := range p {
			p[i] = randomWords(rng, alphabets[compared%2], 1+rng.IntN(5-n))
		}
		if compared < len(buffered) {
			p = buffered[compared]
		}
		const limit = 20_000
		plain, r := outcomes(t, p, explore.Options{Search: explore.PlainDFS, Bound: explore.Unbounded, Executions: limit}, false)
		if !r.Exhaustive {
			continue
		}
		compared++
		plainTotal += r.Executions
		for _, values := range []bool{false, true} {
			got, r := outcomes(t, p, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 5 * limit}, values)
			if !r.Exhaustive {
				t.Fatalf("seed %d, program %v: not exhausted in %d executions", seed, p, r.Executions)
			}
			if values {
				hashedTotal += r.Executions
			} else {
				reducedTotal += r.Executions
			}
			if r.Complete != "all schedules" {
				// Only fair ones: some outcomes may be missing, but
				// there must be no others.
				fair++
				for k := range got {
					if !plain[k] {
						t.Fatalf("seed %d, program %v: impossible outcome %s", seed, p, k)
					}
				}
				continue
			}
			if !maps.Equal(plain, got) {
				for _, k := range slices.Sorted(maps.Keys(plain)) {
					if !got[k] {
						t.Errorf("lost: %s", k)
					}
				}
				t.Fatalf("seed %d, program %v, values %v: %d outcomes in %d executions, want %d", seed, p, values, len(got), r.Executions, len(plain))
			}
		}
		// A bound with all reductions loses nothing against the bound alone.
		for bound := range 3 {
			want, r := outcomes(t, p, explore.Options{Search: explore.PlainDFS, Bound: bound, Executions: limit}, false)
			got, q := outcomes(t, p, explore.Options{Search: explore.DFS, Bound: bound, Executions: limit}, true)
			if r.Complete == "" || q.Complete == "" {
				t.Fatalf("seed %d, program %v: bound %d not exhausted", seed, p, bound)
			}
			if !strings.HasPrefix(q.Complete, "all schedules") {
				continue
			}
			for _, k := range slices.Sorted(maps.Keys(want)) {
				if !got[k] {
					t.Fatalf("seed %d, program %v, bound %d: lost %s", seed, p, bound, k)
				}
			}
		}
	}
	if fair > compared {
		t.Errorf("%d of %d searches were through fair schedules only: too few to compare", fair, 2*compared)
	}
	t.Logf("%d programs, %d fair only: %d executions plain, %d with partial orders, %d with states", compared, fair, plainTotal, reducedTotal, hashedTotal)
}

// TestReductionsLoseNoRace: whether plain accesses race is found out with and
// without reductions alike.
func TestReductionsLoseNoRace(t *testing.T) {
	alphabets := [2]string{"aAbB01mxXyYlw", "aAdddDDfxXxX"}
	seed := uint64(30)
	rng := rand.New(rand.NewPCG(seed, 0))
	racy, compared := 0, 0
	for compared < 300 {
		n := 2 + rng.IntN(2)
		p := make(explore.Program, n)
		for i := range p {
			p[i] = randomWords(rng, alphabets[compared%2], 1+rng.IntN(6-n))
		}
		race := func(o explore.Options, values bool) (bool, bool) {
			s := &explore.Scenario{Name: "races", Program: p, CPUs: 2, Make: func(p explore.Program) explore.Case {
				var v [2]atomic.Int64
				var late cpu.Buffered
				var cells [3]int
				var mu sync.Mutex
				c := explore.Case{Values: values, Setup: func() {
					v[0].Store(0)
					v[1].Store(0)
					late.Store(0)
					mu.Lock()
					mu.Unlock()
				}}
				for _, words := range p.Words() {
					c.Threads = append(c.Threads, func() {
						for _, word := range words {
							switch op := word[0]; op {
							case 'a', 'b':
								// What was read decides, as with a
								// flag that publishes.
								if v[op-'a'].Load() != 0 {
									explore.Read(&cells[op-'a'])
								}
							case 'A', 'B':
								v[op-'A'].Store(1)
							case 'd':
								if late.Load() != 0 {
									explore.Read(&cells[0])
								}
							case 'D':
								late.Store(1)
							case 'f':
								cpu.Barrier()
							case '0', '1':
								v[op-'0'].Add(1)
							case 'm':
								mu.Lock()
								explore.Write(&cells[2])
								mu.Unlock()
							case 'l':
								mu.Lock()
								v[0].Load()
								mu.Unlock()
							case 'w':
								cpu.Pin()
								v[1].Load()
								cpu.Unpin()
							case 'x', 'y':
								explore.Read(&cells[op-'x'])
							case 'X', 'Y':
								explore.Write(&cells[op-'X'])
							}
						}
					})
				}
				return c
			}}
			o.Search, o.Bound, o.NoShrink = cmp(o.Search, explore.DFS), explore.Unbounded, true
			r, err := explore.Explore(s, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Failure != nil && r.Failure.Kind != explore.Race {
				t.Fatalf("seed %d, program %v: %v", seed, p, r.Failure)
			}
			return r.Failure != nil, r.Failure != nil || r.Exhaustive
		}
		want, known := race(explore.Options{Search: explore.PlainDFS, Executions: 20_000}, false)
		if !known {
			continue
		}
		compared++
		if want {
			racy++
		}
		for _, values := range []bool{false, true} {
			if got, _ := race(explore.Options{Executions: 100_000}, values); got != want {
				t.Fatalf("seed %d, program %v, values %v: race found %v, want %v", seed, p, values, got, want)
			}
		}
	}
	t.Logf("%d programs, %d with a race", compared, racy)
	if racy == 0 || racy == compared {
		t.Errorf("the programs don't tell right from wrong")
	}
}

// randomWords returns n words of one letter each.
func randomWords(rng *rand.Rand, alphabet string, n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = string(alphabet[rng.IntN(len(alphabet))])
	}
	return strings.Join(words, " ")
}

func cmp(a, b explore.Search) explore.Search {
	if a != "" {
		return a
	}
	return b
}
