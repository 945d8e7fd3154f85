package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
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

	// Rest is what a run that was ended had left to do: then only that is
	// done. Nil begins a new run. See [Resume].
	Rest *Rest

	// Watcher is told what happens, never while a sample is taken.
	Watcher Watcher

	measure func(context.Context, *Machine, Cell, Length, uint64) (Sample, error) // nil for Measure
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
	Samples  int // taken, repeated ones not counted
	Planned  int // of these
	Repeated int // samples taken again because their CPUs were shared
	Rounds   int // complete ones
	Shared   int // samples excluded because their CPUs were shared, repeated ones among them
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
	r := &run{Plan: p, left: slices.Clone(p.Cells), taken: newTaken(), begun: time.Now()}
	if p.Rest != nil {
		r.taken = p.Rest.taken
	}
	if r.measure == nil {
		r.measure = Measure
	}
	r.out.Planned = r.missing()
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
	taken  taken
	out    Outcome
	facts  Facts
	ledger *ledger // where the facts stand

	begun  time.Time
	within time.Duration // warm-up, timed and checked parts of all samples
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
		r.Length = fit(r.Budget, r.missing(), extra)
	}
	each := r.Length.total() + extra
	r.facts.TimedNS, r.facts.WarmNS = r.Length.Timed, r.Length.warm()
	r.facts.CheckedNS, r.facts.ReuseDelay = r.Length.Checked, r.Length.ReuseDelay
	if err := r.saveFacts(); err != nil {
		return err
	}
	samples := r.missing()
	r.Watcher.Begin(samples, len(r.left), r.Rounds, r.Length, time.Duration(samples)*each)
	return r.rounds(ctx, limit, each)
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
	r.left = slices.DeleteFunc(r.left, func(d Cell) bool { return d.id() == c.id() })
	return nil
}

// finding says in words what is wrong with a sample's books.
func finding(s Sample) string {
	text := fmt.Sprintf("%s: reference accounting failed (seed %d): %d violations in %d lives", s.Cell, s.Seed, s.Books.Violations(), s.Books.Lives)
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

// mostRehearsed is how many cells are rehearsed at most.
const mostRehearsed = 16

// rehearse takes a short sample of some cells, which isn't counted. It returns
// how much longer a sample takes than its warm-up and its timed part until it
// is on disk: the median, because the first sample takes longest.
func (r *run) rehearse(ctx context.Context) (time.Duration, error) {
	var extras []float64
	cells := slices.Clone(r.left)
	for i := range min(len(cells), mostRehearsed) {
		c := cells[i*len(cells)/min(len(cells), mostRehearsed)]
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
	if r.Rest != nil {
		r.facts = r.Rest.Facts
		r.facts.Resumed++
		r.facts.Ended, r.facts.Interrupted, r.facts.Failures = time.Time{}, false, nil
	} else if r.facts, err = r.newFacts(); err != nil {
		return err
	}
	r.ledger, err = openLedger(r.File.FactsPath())
	return err
}

func (r *run) newFacts() (Facts, error) {
	id := make([]byte, 8)
	rand.Read(id) // never fails: see its doc
	f := Facts{
		ID:      hex.EncodeToString(id),
		Started: time.Now().UTC().Round(time.Second),
		Seed:    r.Seed,
		Cells:   len(r.Cells),
		Rounds:  r.Rounds,
	}
	for _, c := range r.Cells {
		f.CellNames = append(f.CellNames, c.id())
	}
	_, f.CommitFrom = Commit()
	f.LoadAvg, _ = cpu.LoadAverage()
	f.Conditions = doctor.With(r.Machine.Examine(), doctor.Spoils, doctor.Note, doctor.Unknown)
	var err error
	f.From, f.AsideFrom, err = r.File.sizes()
	return f, err
}

func (r *run) saveFacts() error {
	if err := r.ledger.save(r.facts); err != nil {
		return &WriteError{r.ledger.path, err}
	}
	return nil
}

func (r *run) closeFacts(cause error) error {
	r.facts.Ended = time.Now().UTC().Round(time.Second)
	r.facts.Samples += r.out.Samples
	r.facts.Shared += r.out.Shared
	r.facts.Repeated += r.out.Repeated
	wall := time.Since(r.begun)
	r.facts.WallNS += wall
	r.facts.OverheadNS += wall - r.within
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
