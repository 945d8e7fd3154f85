package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	mathrand "math/rand/v2"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/refbench/refbench/workloads/bench/cpu"
	"github.com/refbench/refbench/workloads/bench/doctor"
)

// A Plan is a run: which cells, how often, how long.
type Plan struct {
	Machine *Machine
	Cells   []Cell
	Rounds  int    // samples of each cell, at least 1
	Seed    uint64 // fixes the order of the cells and every instance

	// Length is that of each sample. If Length.Timed is 0, it and
	// Length.Checked are chosen so that the run lasts about as long as
	// Budget, within 10 ms .. 1 s.
	Length Length

	// Budget, if not 0, ends the run before a round that would exceed it,
	// by more than a sixth if the length was chosen to fit it. The first
	// Least rounds are always done, and at least one.
	Budget time.Duration
	Least  int

	// File is where samples go.
	File *File

	// Watcher is told what happens, never while a sample is taken.
	Watcher Watcher
}

// A Watcher shows a run to its user.
type Watcher interface {
	// Begin is called once, before the first sample: how many samples there
	// will be, and how long they will take.
	Begin(samples, cells, rounds int, length Length, estimate time.Duration)

	// Done is called after each sample.
	Done(samples int, left time.Duration)

	// Warn says something that the user should know: a finding, a failure.
	// The text may have several lines.
	Warn(text string)
}

// An Outcome is what a run did.
type Outcome struct {
	Samples  int // written
	Planned  int
	Rounds   int // complete ones
	Shared   int // samples measured while CPUs were shared
	Findings int // samples whose books didn't balance
	Failures []error

	// Interrupted reports that the context ended before the run.
	Interrupted bool

	// OutOfTime reports that the budget left no room for another round.
	OutOfTime bool
}

// A WriteError is a result file that can't be written any more. What was
// written before is whole.
type WriteError struct {
	Path string
	Err  error
}

func (e *WriteError) Error() string {
	return fmt.Sprintf("write %s: %v; what was finished before is readable", e.Path, e.Err)
}
func (e *WriteError) Unwrap() error { return e.Err }

// mostNotes is how many notes of one sample's books are shown.
const mostNotes = 5

// Run carries out the plan. It returns an error if the plan can't be begun
// (a [*SetupError]), a cell hangs (a [*HangError]), or the file can't be written (a
// [*WriteError], or a [*GoneError] if it isn't there any more). A cell that panics, or in which nobody can go on (a
// [*NoProgressError]), is left out from then on; the error is among the outcome's
// failures. The outcome says what was done in any case.
//
// GOMAXPROCS is raised for the run and set back when it ends.
func (p Plan) Run(ctx context.Context) (Outcome, error) {
	r := &run{Plan: p, left: slices.Clone(p.Cells)}
	r.out.Planned = p.Rounds * len(p.Cells)
	if err := r.openFacts(); err != nil {
		return r.out, err
	}
	err := r.run(ctx)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		r.out.Interrupted, err = true, nil
	}
	return r.out, errors.Join(err, r.closeFacts(err))
}

type run struct {
	Plan
	left   []Cell // cells that haven't failed
	out    Outcome
	facts  Facts
	ledger *ledger // where the facts stand
}

func (r *run) run(ctx context.Context) error {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	if err := r.makeRoom(ctx, before); err != nil {
		return err
	}
	extra, err := r.rehearse(ctx)
	if err != nil {
		return err
	}
	limit := r.Budget
	if r.Length.Timed == 0 {
		// Made to fit: a slow moment shouldn't cost a whole round.
		limit += r.Budget / 6
		r.Length = fit(r.Budget, r.Rounds*len(r.left), extra)
	}
	each := r.Length.warm() + r.Length.Timed + r.Length.Checked + extra
	r.facts.TimedNS, r.facts.WarmNS = r.Length.Timed, r.Length.warm()
	if err := r.saveFacts(); err != nil {
		return err
	}
	r.Watcher.Begin(r.Rounds*len(r.left), len(r.left), r.Rounds, r.Length, time.Duration(r.Rounds*len(r.left))*each)

	begin := time.Now()
	taken := 0
	for round := range r.Rounds {
		spent := time.Since(begin)
		if r.Budget > 0 && round >= max(r.Least, 1) && spent+spent/time.Duration(round) > limit {
			r.out.OutOfTime = true
			return nil
		}
		order := slices.Clone(r.left)
		g := mathrand.New(mathrand.NewPCG(r.Seed, uint64(round)))
		g.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for i, c := range order {
			if err := r.take(ctx, c, round); err != nil {
				return err
			}
			taken++
			todo := len(order) - i - 1 + (r.Rounds-round-1)*len(r.left)
			r.Watcher.Done(r.out.Samples, time.Since(begin)/time.Duration(taken)*time.Duration(todo))
		}
		r.out.Rounds++
	}
	return nil
}

// take takes one sample and writes it. It returns an error only if the run
// can't go on.
func (r *run) take(ctx context.Context, c Cell, round int) error {
	s, err := Measure(ctx, r.Machine, c, r.Length, seedOf(r.Seed, round, c))
	if err != nil {
		return r.failed(ctx, c, err)
	}
	if n := s.Books.Violations(); n > 0 {
		r.out.Findings++
		r.Watcher.Warn(finding(s))
	}
	if err := r.File.Add(s); err != nil {
		return r.lost(ctx, err)
	}
	if said := r.ledger.touched(); said != "" {
		r.Watcher.Warn(said)
	}
	r.out.Samples++
	r.facts.StealNS += s.Stolen
	if s.Shared {
		r.out.Shared++
	}
	return nil
}

// lost says what it means that a sample can't be written.
func (r *run) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return ctx.Err() // a pipe that nobody read from any more
	}
	if gone := new(GoneError); errors.As(err, &gone) {
		return gone
	}
	return &WriteError{r.File.Path(), err}
}

// failed decides what an error of a cell means for the run.
func (r *run) failed(ctx context.Context, c Cell, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.out.Failures = append(r.out.Failures, err)
	var hang *HangError
	var panicked *PanicError
	switch {
	case errors.As(err, &hang):
		r.Watcher.Warn(fmt.Sprintf("%v; the run ends here\n%s", err, hang.Stacks))
		return err
	case errors.As(err, &panicked):
		r.Watcher.Warn(fmt.Sprintf("%v; left out from here on\n%s", err, panicked.Stack))
	default:
		r.Watcher.Warn(fmt.Sprintf("%v; left out from here on", err))
	}
	r.left = slices.DeleteFunc(r.left, func(d Cell) bool { return d.Key() == c.Key() })
	return nil
}

// finding says in words what is wrong with a sample's books.
func finding(s Sample) string {
	text := fmt.Sprintf("%s: the books don't balance (seed %d): %d violations in %d lives", s.Cell, s.Seed, s.Books.Violations(), s.Books.Lives)
	totals := s.Books
	totals.Notes = totals.Notes[:min(len(totals.Notes), mostNotes)]
	if err := totals.Err(); err != nil {
		text += "\n" + err.Error()
	}
	if more := len(s.Books.Notes) - len(totals.Notes); more > 0 {
		text += fmt.Sprintf("\nand %d notes more", more)
	}
	return text
}

// makeRoom sets GOMAXPROCS so that no worker, role or waiter of any cell waits
// for a P. It is set once, before counts are made that depend on it. On the way
// every cell's instance is made and closed once, so that a plan with a bad
// setting fails before it begins.
func (r *run) makeRoom(ctx context.Context, procs int) error {
	for _, c := range r.Cells {
		n, err := Room(ctx, r.Machine, c, r.Length, seedOf(r.Seed, 0, c))
		var setup *SetupError
		if errors.As(err, &setup) {
			return err
		}
		if err != nil {
			if err := r.failed(ctx, c, err); err != nil {
				return err
			}
		}
		procs = max(procs, n)
	}
	runtime.GOMAXPROCS(procs)
	r.facts.MaxProcs = procs
	return nil
}

// rehearse takes a short sample of each cell, which isn't counted. It returns
// how much longer a sample takes than its warm-up and its timed part until it
// is on disk: the median, because the first sample takes longest.
func (r *run) rehearse(ctx context.Context) (time.Duration, error) {
	var extras []float64
	for _, c := range slices.Clone(r.left) {
		l := Length{Timed: 2 * time.Millisecond, Warm: time.Millisecond, Timeout: r.Length.Timeout}
		if r.Length.Checked > 0 || r.Length.Timed == 0 {
			l.Checked = time.Millisecond
		}
		begin := time.Now()
		_, err := Measure(ctx, r.Machine, c, l, seedOf(r.Seed, 0, c))
		if err != nil {
			if err := r.failed(ctx, c, err); err != nil {
				return 0, err
			}
			continue
		}
		extras = append(extras, float64(max(time.Since(begin)-l.warm()-l.Timed-l.Checked, 0)))
	}
	if len(extras) == 0 {
		return 0, nil
	}
	sync, err := r.File.syncTime()
	if err != nil {
		return 0, &WriteError{r.File.Path(), err}
	}
	return time.Duration(median(extras)) + sync, nil
}

// Bounds of a length that is chosen to fit a budget.
const (
	shortestTimed = 10 * time.Millisecond
	longestTimed  = time.Second
)

// fit returns the length with which so many samples take about the budget, when
// each takes extra time.
func fit(budget time.Duration, samples int, extra time.Duration) Length {
	each := budget/time.Duration(max(samples, 1)) - extra
	// The checked form is a fifth of the timed part, and the warm-up is too, but for its
	// bounds.
	timed := max(each*5/7, 0)
	if warm := (Length{Timed: timed}).warm(); warm != timed/5 {
		timed = (each - warm) * 5 / 6
	}
	timed = min(max(timed, shortestTimed), longestTimed).Round(time.Millisecond)
	return Length{Timed: timed, Checked: timed / 5}
}

// seedOf returns the seed of a cell's instance in a round. It doesn't depend on
// the strategy, so that all of them see the same choices.
func seedOf(seed uint64, round int, c Cell) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%d/%s%s/%d", seed, round, c.Workload.Name, c.Workload.Keys(c.Settings), c.CPUs)
	return h.Sum64()
}

// openFacts reads what is there of other runs.
func (r *run) openFacts() (err error) {
	id := make([]byte, 8)
	rand.Read(id) // never fails: see its doc
	r.facts = Facts{
		ID:      hex.EncodeToString(id),
		Started: time.Now().UTC().Round(time.Second),
		Seed:    r.Seed,
		Cells:   len(r.Cells),
		Rounds:  r.Rounds,
	}
	r.facts.LoadAvg, _ = cpu.LoadAverage()
	r.facts.Conditions = doctor.With(r.Machine.Examine(), doctor.Spoils, doctor.Note, doctor.Unknown)
	r.ledger, err = openLedger(r.File.FactsPath())
	return err
}

func (r *run) saveFacts() error {
	if err := r.ledger.save(r.facts); err != nil {
		return &WriteError{r.ledger.path, err}
	}
	return nil
}

func (r *run) closeFacts(cause error) error {
	r.facts.Ended = time.Now().UTC().Round(time.Second)
	r.facts.Samples, r.facts.Shared = r.out.Samples, r.out.Shared
	r.facts.Interrupted = r.out.Interrupted
	for _, f := range r.out.Failures {
		r.facts.Failures = append(r.facts.Failures, f.Error())
	}
	var setup *SetupError
	if errors.As(cause, &setup) {
		return nil // nothing was measured
	}
	return r.saveFacts()
}
