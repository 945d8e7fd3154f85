package explore_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
)

// A tsoThread is a thread of a machine with total store order: its place in the program, the stores
// that wait in its buffer, oldest first, and what it has loaded.
type tsoThread struct {
	at     int
	buffer []tsoStore
	seen   []int64
	// A barrier of all CPUs is under way, and these threads still have to pass one.
	passes  []int
	barrier bool
}

type tsoStore struct {
	to    int // u or v
	value int64
}

// A tso is a state of the machine.
type tso struct {
	x       int64 // only changed by locked instructions
	late    [2]int64
	threads []tsoThread
}

func (s *tso) clone() *tso {
	c := &tso{x: s.x, late: s.late}
	for _, t := range s.threads {
		t.buffer, t.seen, t.passes = slices.Clone(t.buffer), slices.Clone(t.seen), slices.Clone(t.passes)
		c.threads = append(c.threads, t)
	}
	return c
}

func (s *tso) drain(i int) {
	t := &s.threads[i]
	s.late[t.buffer[0].to] = t.buffer[0].value
	t.buffer = t.buffer[1:]
}

// tsoOutcomes returns how a program of [outcomes], of the letters a, 0, d, e, D, E and f, may end on such
// a machine (Owens, Sarkar, Sewell, "A Better x86 Memory Model: x86-TSO", TPHOLs 2009). Buffers
// have any length, or none: then it is sequentially consistent.
func tsoOutcomes(p explore.Program, buffers bool) map[string]bool {
	ends, met := make(map[string]bool), make(map[string]bool)
	words := p.Words()
	var visit func(s *tso)
	visit = func(s *tso) {
		key := fmt.Sprint(*s)
		if met[key] {
			return
		}
		met[key] = true
		over := true
		for i := range s.threads {
			t := &s.threads[i]
			if len(t.buffer) > 0 { // the oldest store becomes visible
				over = false
				n := s.clone()
				n.drain(i)
				visit(n)
			}
			if t.barrier {
				over = false
				for k, other := range t.passes { // one more thread passes a barrier
					if len(s.threads[other].buffer) == 0 {
						n := s.clone()
						n.threads[i].passes = slices.Delete(n.threads[i].passes, k, k+1)
						visit(n)
					}
				}
				if len(t.passes) == 0 {
					n := s.clone()
					n.threads[i].barrier = false
					visit(n)
				}
				continue
			}
			if t.at == len(words[i]) {
				continue
			}
			over = false
			op := words[i][t.at][0]
			if (op == '0' || op == 'f') && len(t.buffer) > 0 {
				continue // it drains first
			}
			n := s.clone()
			u := &n.threads[i]
			u.at++
			switch op {
			case 'a':
				u.seen = append(u.seen, n.x)
			case '0':
				n.x++
				u.seen = append(u.seen, n.x)
			case 'd', 'e':
				v := n.late[op-'d']
				for _, b := range u.buffer {
					if b.to == int(op-'d') {
						v = b.value
					}
				}
				u.seen = append(u.seen, v)
			case 'D', 'E':
				u.buffer = append(u.buffer, tsoStore{int(op - 'D'), int64(10*(i+1) + t.at)})
				if !buffers {
					n.drain(i)
				}
			case 'f':
				u.barrier = true
				for other := range n.threads {
					u.passes = append(u.passes, other)
				}
			}
			visit(n)
		}
		if over {
			seen := make([][]int64, len(s.threads))
			for i, t := range s.threads {
				seen[i] = t.seen
			}
			ends[fmt.Sprint(seen, s.x, 0, 0, 0, 0, s.late[0], s.late[1])] = true
		}
	}
	visit(&tso{threads: make([]tsoThread, len(words))})
	return ends
}

// compareWithTSO explores a program of [outcomes], all of it, and reports which outcomes can happen
// without and with store buffers, and which the explorer finds. ok is false if it leaves out unfair
// schedules.
func compareWithTSO(t *testing.T, p explore.Program) (plain, buffered, got map[string]bool, ok bool) {
	t.Helper()
	got, r := outcomes(t, p, explore.Options{Search: explore.DFS, Bound: explore.Unbounded, Executions: 100_000}, false)
	return tsoOutcomes(p, false), tsoOutcomes(p, true), got, r.Complete == "all schedules"
}

// Store buffers are sound: what the explorer finds can happen on a machine with total store order.
// And what can happen without buffers it finds all of.
func TestStoreBuffersAreThoseOfTheMachine(t *testing.T) {
	seed := uint64(40)
	rng := rand.New(rand.NewPCG(seed, 0))
	compared := 0
	for range 200 {
		n := 2 + rng.IntN(2)
		p := make(explore.Program, n)
		for k := range p {
			p[k] = randomWords(rng, "a0ddeeDDEEf", 1+rng.IntN(6-n))
		}
		plain, buffered, got, ok := compareWithTSO(t, p)
		if !ok {
			continue
		}
		compared++
		for k := range got {
			if !buffered[k] {
				t.Fatalf("seed %d, program %v: %s can't happen", seed, p, k)
			}
		}
		for k := range plain {
			if !got[k] {
				t.Fatalf("seed %d, program %v: %s isn't found, and takes no buffers", seed, p, k)
			}
		}
	}
	if compared < 100 {
		t.Errorf("only %d programs were compared", compared)
	}
}

// Where no buffer comes to hold two stores, no word is stored to by two threads, and nobody loads a word
// again that another thread stores to, the explorer finds all that the machine can do.
func TestStoreBuffersOfOneStoreAreComplete(t *testing.T) {
	seed := uint64(41)
	rng := rand.New(rand.NewPCG(seed, 0))
	late := 0
	for range 200 {
		p := make(explore.Program, 2+rng.IntN(2))
		for i := range p {
			words := strings.Split([]string{"D e 0", "E d a", "d e 0"}[i], " ")
			if i < 2 && rng.IntN(3) == 0 {
				words[2] = "f"
			}
			rng.Shuffle(len(words), func(i, k int) { words[i], words[k] = words[k], words[i] })
			p[i] = strings.Join(words[:2+rng.IntN(2)], " ")
		}
		plain, buffered, got, ok := compareWithTSO(t, p)
		if ok && !maps.Equal(buffered, got) {
			t.Fatalf("seed %d, program %v: %d outcomes, want %d", seed, p, len(got), len(buffered))
		}
		late += len(buffered) - len(plain)
	}
	if late < 50 {
		t.Errorf("only %d outcomes take store buffers", late)
	}
}
