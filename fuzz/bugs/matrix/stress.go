package matrix

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/fuzz/bugs"
)

// A realJudge judges runs on real threads. It raises no false alarm whatever the
// timing, since what is held is never more than what a right count says.
type realJudge struct {
	held atomic.Int64 // beside the owner's, whose is held from the start
	dead atomic.Bool

	mu    sync.Mutex
	wrong string // what was seen first
}

func (j *realJudge) Took(op string) {
	j.held.Add(1)
	if j.dead.Load() {
		j.Failf("%s took a reference after the last had been dropped", op)
	}
}

func (j *realJudge) Drops() { j.held.Add(-1) }
func (j *realJudge) Kept()  { j.held.Add(1) }

func (j *realJudge) Dropped(op string, last bool) {
	if !last {
		return
	}
	if j.dead.Swap(true) {
		j.Failf("%s reported the last drop, as another had before", op)
	}
	if held := j.held.Load() + 1; held > 0 {
		j.Failf("%s reported the last drop while %d references were held", op, held)
	}
}

func (j *realJudge) Begins() {
	j.held.Add(1)
	j.dead.Store(false)
}

func (j *realJudge) Released() bool { return j.dead.Load() }

func (j *realJudge) Failf(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.wrong == "" {
		j.wrong = fmt.Sprintf(format, args...)
	}
}

func (j *realJudge) Leakf(format string, args ...any) { j.Failf("leak: "+format, args...) }

// verdict returns what was wrong, or "".
func (j *realJudge) verdict() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.wrong
}

// A bareJudge judges nothing and shares nothing but plain memory, which holders read
// and releasers write: the race detector sees whether a count orders that.
type bareJudge struct {
	body int
	dead atomic.Bool // read when all have ended
}

func (*bareJudge) Took(string) {}
func (j *bareJudge) Drops()    { runtime.KeepAlive(j.body) }
func (*bareJudge) Kept()       {}

func (j *bareJudge) Dropped(_ string, last bool) {
	if last {
		j.body++
		j.dead.Store(true)
	}
}

func (*bareJudge) Begins()              {}
func (j *bareJudge) Released() bool     { return j.dead.Load() }
func (*bareJudge) Failf(string, ...any) {}
func (*bareJudge) Leakf(string, ...any) {}
func (*bareJudge) verdict() string      { return "" }

// A judge on real threads.
type judge interface {
	bugs.Judge
	verdict() string
}

// A crew runs a program's threads on goroutines, round after round.
type crew struct {
	program [][]string // the words of each thread
	repeat  int
	run     bugs.Run // of this round
	judge   judge

	start, arrived, finished atomic.Int64
	wg                       sync.WaitGroup
}

// poll waits until ready. Those who wait poll: waking a goroutine takes longer than
// most rounds, so that those that are woken would hardly ever meet.
func poll(ready func() bool) {
	for n := 0; !ready(); n++ {
		if n > 20_000 {
			time.Sleep(20 * time.Microsecond)
		} else if n%32 == 31 {
			runtime.Gosched()
		}
	}
}

const crewEnds = -1

func (c *crew) thread(i int, rng *rand.Rand) {
	defer c.wg.Done()
	for round := int64(1); ; round++ {
		poll(func() bool { s := c.start.Load(); return s == round || s == crewEnds })
		if c.start.Load() == crewEnds {
			return
		}
		// A round is shorter than the time in which one goroutine after the
		// other notices that it has begun. So they meet.
		c.arrived.Add(1)
		poll(func() bool { return c.arrived.Load() == round*int64(len(c.program)) })
		c.play(i, rng)
		c.finished.Add(1)
	}
}

// play is a thread's part of a round.
func (c *crew) play(i int, rng *rand.Rand) {
	defer func() {
		if p := recover(); p != nil {
			c.judge.Failf("panic: %v", p)
		}
	}()
	for range c.repeat {
		for _, op := range c.program[i] {
			pause(rng)
			c.run.Do(i, op)
		}
	}
	pause(rng)
	c.run.End(i)
}

// pause lets a random short time pass, so that rounds differ in their order.
func pause(rng *rand.Rand) {
	n := rng.IntN(16)
	if n > 8 {
		return
	}
	for range n * 8 {
		rng.Uint32()
	}
	if n == 0 {
		runtime.Gosched()
	}
}

// stress runs the bug or its twin on real threads until something is wrong, the
// context ends, or the time is over. tell, if not nil, is called with the number of
// rounds before each.
func stress(ctx context.Context, b *bugs.Bug, fixed, bare bool, seed uint64, d time.Duration, tell func(int)) (wrong string, rounds int) {
	c := &crew{repeat: b.Repeat}
	for _, ops := range b.Program {
		c.program = append(c.program, strings.Fields(ops))
	}
	for i := range c.program {
		c.wg.Add(1)
		go c.thread(i, rand.New(rand.NewPCG(seed, uint64(i))))
	}
	defer c.wg.Wait()
	defer c.start.Store(crewEnds)
	deadline := time.Now().Add(d)
	for rounds = 1; ; rounds++ {
		if tell != nil {
			tell(rounds)
		}
		if c.judge = new(realJudge); bare {
			c.judge = new(bareJudge)
		}
		c.finished.Store(0)
		if wrong := c.round(b, bugs.Config{Fixed: fixed, Program: b.Program, Judge: c.judge, Bare: bare}, int64(rounds)); wrong != "" {
			return wrong, rounds
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return "", rounds
		}
	}
}

func (c *crew) round(b *bugs.Bug, cfg bugs.Config, n int64) (wrong string) {
	defer func() {
		if p := recover(); p != nil {
			wrong = fmt.Sprintf("panic: %v", p)
		}
	}()
	c.run = b.Start(cfg)
	c.start.Store(n)
	poll(func() bool { return c.finished.Load() == int64(len(c.program)) })
	if wrong := c.judge.verdict(); wrong != "" {
		return wrong // What is left then says nothing more.
	}
	c.run.Close()
	return c.judge.verdict()
}
