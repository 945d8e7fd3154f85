package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/refbench/refbench/fuzz/check"
	"github.com/refbench/refbench/strategies"
)

// A cell is a check on a strategy, in a part.
type cell struct {
	check    check.Check
	strategy *strategies.Strategy
	part     int
}

// A checkRun is the cells that are done and left to do.
type checkRun struct {
	checking
	progress *checkProgress
	alone    helper // for what is run one at a time

	mu       sync.Mutex // guards all below
	deadline time.Time
	least    time.Duration // what a cell has for each weight at least
	weight   int           // of the cells that aren't done
	batch    int           // of those of them that are under way at once, or wait for that
	left     int           // how many these are
	results  []check.Result
	hung     map[string]check.Result // by strategy: calls that never returned
	wrong    map[string]bool         // workloads
	stopped  bool
	err      error
}

// results runs the checks. Each is run on all strategies before the next, so that what the
// first ones leave of their time is there for the same ones of all strategies. Those that
// follow each other and don't use real threads are run several at a time. The results are
// ordered by strategy, and then by check.
func (ch checking) results(ctx context.Context, deadline time.Time, p *checkProgress) (results []check.Result, interrupted bool, err error) {
	x := &checkRun{
		checking: ch, progress: p, deadline: deadline,
		results: []check.Result{}, // not null in JSON
		hung:    make(map[string]check.Result), wrong: make(map[string]bool),
	}
	parts := ch.partly
	if parts == nil {
		parts = []int{0}
	}
	var batches [][]cell
	alone := true // the last batch, or that there is none
	for _, c := range ch.checks {
		for _, part := range parts {
			for _, s := range ch.strategies {
				if ch.has != nil && ch.has(s.Name, c.Name, part) {
					continue
				}
				x.weight += c.Weight
				if c.Alone() || alone {
					batches = append(batches, nil)
				}
				alone = c.Alone()
				at := &batches[len(batches)-1]
				*at = append(*at, cell{c, s, part})
			}
		}
	}
	// Checks whose least takes longer than their time leave none to those that come later, on a
	// busy machine.
	const leastPart = 4
	x.least = max(time.Until(deadline), 0) / time.Duration(leastPart*max(x.weight, 1))
	x.alone = helper{self: ch.parts.self, command: checkChildName}
	defer x.alone.end()
	for _, b := range batches {
		x.run(ctx, b)
	}
	which := func(r check.Result) int {
		return slices.IndexFunc(ch.checks, func(c check.Check) bool { return c.Name == r.Check })
	}
	slices.SortStableFunc(x.results, func(a, b check.Result) int {
		return cmp.Or(ch.position(a.Strategy)-ch.position(b.Strategy), which(a)-which(b))
	})
	return x.results, ctx.Err() != nil, x.err
}

// run runs cells, several at a time if there are several, and in processes of their own: what
// doesn't return ends with its process, and holds nothing else up.
func (x *checkRun) run(ctx context.Context, cells []cell) {
	x.batch, x.left = 0, len(cells)
	for _, c := range cells {
		x.batch += c.check.Weight
	}
	if x.parts.self == "" {
		for _, c := range cells {
			x.cell(c, 1, func(o cellOrder) (check.Result, bool) { return o.on(ctx, c, x.parts) })
		}
		return
	}
	lanes := min(x.jobs, len(cells))
	apart := func(h *helper, i int) {
		x.cell(cells[i], lanes, func(o cellOrder) (check.Result, bool) {
			var a cellAnswer
			if err := h.do(ctx, o, &a); err != nil {
				return o.undone(err), ctx.Err() != nil
			}
			if a.Left {
				h.kill() // something is still at it there
			}
			return a.result(), ctx.Err() != nil
		})
	}
	if lanes < 2 {
		for i := range cells {
			apart(&x.alone, i)
		}
		return
	}
	helped(x.parts.self, checkChildName, lanes, len(cells), apart)
}

// cell runs a cell, beside others in so many lanes, if there is reason to.
func (x *checkRun) cell(c cell, lanes int, do func(cellOrder) (r check.Result, interrupted bool)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.stopped {
		return
	}
	x.progress.begin(c.check.Name, c.strategy.Name)
	// Of the time that is left for the batch, as many have their share at once as there are lanes.
	left := max(time.Until(x.deadline), 0)
	share := left * time.Duration(min(c.check.Weight*min(lanes, x.left), x.batch)) / time.Duration(max(x.weight, 1))
	share = max(share, x.least*time.Duration(c.check.Weight))
	defer func() {
		x.weight -= c.check.Weight
		x.batch -= c.check.Weight
		x.left--
	}()
	if x.done == nil && x.has(c) {
		return // with another strategy
	}
	if h, ok := x.hung[c.strategy.Name]; ok {
		x.add(check.Result{
			Strategy: c.strategy.Name, Check: c.check.Name, Verdict: check.Unknown, Tried: []check.Amount{},
			Reason: fmt.Sprintf("not run: %s (found by %s), and this check calls it too", h.Hang, h.Check),
		}, c.part)
		return
	}
	for again := true; again; {
		begin := time.Now()
		o := cellOrder{
			Strategy: c.strategy.Name, Check: c.check.Name,
			Hung: slices.Sorted(maps.Keys(x.hung)), Wrong: slices.Sorted(maps.Keys(x.wrong)),
			Time: share, Seed: x.seed, Timeout: x.timeout, Each: x.each, Part: c.part, Parts: x.cut,
		}
		x.mu.Unlock()
		r, interrupted := do(o)
		x.mu.Lock()
		// What it has found stays found.
		if interrupted {
			x.stopped = true
			if r.Verdict != check.Broken {
				return
			}
		}
		if r.Left || len(r.Others) > 0 {
			// What was spent waiting isn't taken from the others.
			x.deadline = x.deadline.Add(max(time.Since(begin)-share, 0))
		}
		// What it was compared with can be wrong as well.
		again = false
		for _, other := range r.Others {
			x.hung[other.Strategy] = other
			if x.position(other.Strategy) >= 0 {
				x.results = slices.DeleteFunc(x.results, func(r check.Result) bool { return r.Check == other.Check && r.Strategy == other.Strategy })
				x.add(other, c.part)
			}
			again = r.Hang == ""
		}
		if !again && (x.done != nil || !x.has(c)) { // another strategy's cell may have found it meanwhile
			x.add(r, c.part)
		}
		again = again && !interrupted
	}
}

// has reports whether there is a result already.
func (x *checkRun) has(c cell) bool {
	return slices.ContainsFunc(x.results, func(r check.Result) bool { return r.Check == c.check.Name && r.Strategy == c.strategy.Name })
}

// add adds a result, and writes files about what was found.
func (x *checkRun) add(r check.Result, part int) {
	keep := func(f *check.Finding, i int, strategy string) {
		kept := x.keep(r.Check, strategy, f, i)
		if kept != nil && (x.err == nil || x.err.Error() != kept.Error()) { // a folder that can't be made is one error
			x.err = errors.Join(x.err, kept)
		}
	}
	for i := range r.Findings {
		keep(&r.Findings[i], i, r.Strategy)
	}
	for i := range r.Misuses {
		m := &r.Misuses[i]
		x.wrong[m.Workload] = true
		keep(&m.Finding, len(r.Findings)+i, m.Control)
	}
	x.results = append(x.results, r)
	if r.Hang != "" {
		x.hung[r.Strategy] = r
	}
	x.progress.done(r, time.Until(x.deadline))
	if x.done == nil {
		return
	}
	x.err = errors.Join(x.err, x.done(r, part))
	x.stopped = x.stopped || x.err != nil // it can't be written down
}

// checkChildName is the command of a process that runs cells for another one: see
// [helper].
const checkChildName = "check-child"

// A cellOrder says which cell to run, and how.
type cellOrder struct {
	Strategy, Check string
	Hung            []string // strategies that it isn't compared with
	Wrong           []string // workloads that are left out
	Time, Timeout   time.Duration
	Seed, Each      uint64
	Part, Parts     int
}

// A cellAnswer is what came out of a cell.
type cellAnswer struct {
	Result check.Result
	Left   bool // of the result
	Others []cellAnswer
	// Files are about the findings, and then the misuses, each.
	Files [][]cellFile
}

// A cellFile is an attachment, written.
type cellFile struct {
	Suffix  string
	Replays bool
	Text    []byte
	Error   string // why it couldn't be written
}

// carryOut runs the cell that the order names.
func (o cellOrder) carryOut(ctx context.Context, parts Parts, all []check.Check) cellAnswer {
	ss, err := chooseStrategies(parts, []string{o.Strategy})
	if err != nil {
		return answerOf(o.undone(err))
	}
	cs, err := chooseChecks(all, []string{o.Check})
	if err != nil {
		return answerOf(o.undone(err))
	}
	r, _ := o.on(ctx, cell{cs[0], ss[0], o.Part}, parts)
	return answerOf(r)
}

// undone is the result of a cell that couldn't be run.
func (o cellOrder) undone(err error) check.Result {
	return check.Result{Strategy: o.Strategy, Check: o.Check, Verdict: check.Unknown, Tried: []check.Amount{}, Reason: err.Error()}
}

// on runs the cell, and says whether it was interrupted.
func (o cellOrder) on(ctx context.Context, c cell, parts Parts) (r check.Result, interrupted bool) {
	what := subject(parts, c.strategy)
	what.Others = slices.DeleteFunc(slices.Clone(parts.Strategies), func(s *strategies.Strategy) bool { return slices.Contains(o.Hung, s.Name) })
	wrong := make(map[string]bool)
	for _, name := range o.Wrong {
		wrong[name] = true
	}
	r = c.check.Do(ctx, what.Without(wrong), check.Budget{Time: o.Time, Seed: o.Seed, Timeout: o.Timeout, Each: o.Each, Part: o.Part, Parts: o.Parts})
	return r, ctx.Err() != nil
}

// answerOf returns a result as it crosses over to another process.
func answerOf(r check.Result) cellAnswer {
	a := cellAnswer{Result: r, Left: r.Left}
	for _, f := range r.Findings {
		a.Files = append(a.Files, filesOf(f))
	}
	for _, m := range r.Misuses {
		a.Files = append(a.Files, filesOf(m.Finding))
	}
	for _, o := range r.Others {
		a.Others = append(a.Others, answerOf(o))
	}
	return a
}

func filesOf(f check.Finding) []cellFile {
	out := []cellFile{}
	for _, at := range f.Attachments {
		var b bytes.Buffer
		file := cellFile{Suffix: at.Suffix, Replays: at.Replays}
		if err := at.Write(&b); err != nil {
			file.Error = err.Error()
		}
		file.Text = b.Bytes()
		out = append(out, file)
	}
	return out
}

// result returns the result with all that belongs to it.
func (a cellAnswer) result() check.Result {
	r := a.Result
	r.Left = a.Left
	for i, files := range a.Files {
		f := &check.Finding{}
		if i < len(r.Findings) {
			f = &r.Findings[i]
		} else {
			f = &r.Misuses[i-len(r.Findings)].Finding
		}
		f.Attachments = nil
		for _, file := range files {
			f.Attachments = append(f.Attachments, check.Attachment{Suffix: file.Suffix, Replays: file.Replays, Write: func(w io.Writer) error {
				if file.Error != "" {
					return errors.New(file.Error)
				}
				_, err := w.Write(file.Text)
				return err
			}})
		}
	}
	r.Others = nil
	for _, o := range a.Others {
		r.Others = append(r.Others, o.result())
	}
	return r
}
