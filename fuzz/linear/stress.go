package linear

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/watchdog"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// Config is how [Stress] makes histories.
type Config struct {
	// Clients is how many goroutines use the counts at once, at most
	// program.MaxThreads; 0 means 4.
	Clients int

	// Ops and Time are when to stop: after about so many calls, or so long.
	// 0 is no limit; one of them must be set.
	Ops  int
	Time time.Duration

	// Seed fixes what the clients call, as far as the answers let them.
	Seed uint64

	// Clock stamps the calls; nil means NewClock().
	Clock *Clock

	// Timeout is how long clients may take for the few calls of a life
	// before one of them is said to hang; 0 means 10 seconds.
	Timeout time.Duration
}

func (c Config) check(s *strategies.Strategy) (Config, error) {
	if c.Clients == 0 {
		c.Clients = 4
	}
	switch {
	case c.Clients < 1 || c.Clients > program.MaxThreads:
		return c, fmt.Errorf("%d clients: want 1 .. %d", c.Clients, program.MaxThreads)
	case c.Ops < 0 || c.Time < 0:
		return c, fmt.Errorf("%d calls, %v: want no negative limit", c.Ops, c.Time)
	case c.Ops == 0 && c.Time == 0:
		return c, errors.New("neither calls nor time are limited: it would never end")
	}
	if why := Unsupported(s, c.Clients); why != "" {
		return c, errors.New(why)
	}
	if c.Ops == 0 {
		c.Ops = math.MaxInt
	}
	if c.Time == 0 {
		c.Time = math.MaxInt64 / 2
	}
	if c.Clock == nil {
		c.Clock = NewClock()
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	return c, nil
}

// Unsupported returns why histories of the strategy can't be recorded with so many
// clients, or "".
func Unsupported(s *strategies.Strategy, clients int) string {
	if s.Promise.Limit <= int64(clients) && !program.Near(spec.Of(s), clients) {
		return fmt.Sprintf("%s counts no more than %d references, too few for %d clients and the owner's", s.Name, s.Promise.Limit, clients)
	}
	return ""
}

// A Report is what [Stress] found.
type Report struct {
	// Judgment adds up those of all batches; Life and Segment are of the first
	// illegal life, or else of the first unknown one.
	Judgment

	// History is that life alone, nil if there is none.
	History *History

	// Hang says why the last batch was never finished, nil if it was. Its
	// goroutines are left behind.
	Hang *watchdog.HangError

	Clock      string
	Seed       uint64
	Ops, Lives int
}

// Calls are recorded in batches that are judged before the next: small ones first,
// since most of what is wrong shows at once.
const (
	firstBatch = 1_000 // calls
	lastBatch  = 50_000
)

// Stress records histories of the strategy on real threads and judges them, until a
// life is illegal, the limits of cfg are reached, or ctx ends.
func Stress(ctx context.Context, s *strategies.Strategy, cfg Config) (Report, error) {
	cfg, err := cfg.check(s)
	if err != nil {
		return Report{}, err
	}
	total := Report{Clock: cfg.Clock.Name, Seed: cfg.Seed, Judgment: Judgment{Class: Linearizable, Life: -1}}
	j := &Judge{Spec: spec.Of(s)}
	// What is recorded is judged, also if the time is up meanwhile: it is little,
	// and if it should take long nevertheless the rest is unknown. An interrupt
	// ends that at once.
	until := time.Now().Add(cfg.Time)
	judging, cancel := context.WithDeadline(ctx, until.Add(j.timeout()))
	defer cancel()
	batch := firstBatch
	for n := uint64(0); ctx.Err() == nil && time.Now().Before(until) && total.Class != Illegal && total.Ops < cfg.Ops; n++ {
		one := cfg
		one.Ops = min(batch, cfg.Ops-total.Ops)
		batch = min(2*batch, lastBatch)
		// Judging takes about as long as recording, so half of what is left is for
		// that.
		recording, cancel := context.WithTimeout(ctx, time.Until(until)/2)
		h, hang, wrong := record(recording, s, one, n)
		cancel()
		r, err := j.Check(judging, h)
		if err != nil {
			return total, fmt.Errorf("strategy %s, seed %d: what was recorded is no history: %w", s.Name, cfg.Seed, err)
		}
		if wrong != nil {
			r.Class, r.Reason, r.Found, r.Life, r.Segment = Illegal, wrong.Error(), "panic", -1, nil
			if total.Hang = hang; hang != nil {
				r.Found = "timeout"
			}
		}
		if r.Class == Unknown && ctx.Err() != nil {
			break // it was cut short, so the batch counts for nothing
		}
		if total.add(r, total.Lives) {
			total.History = nil
			if r.Life >= 0 {
				h := *h
				h.Lives = h.Lives[r.Life:][:1]
				total.History = &h
			}
		}
		total.Ops += h.Ops()
		total.Lives += len(h.Lives)
	}
	return total, nil
}
