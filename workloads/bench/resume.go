package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// A Rest is what the last run of a result file has left to do.
type Rest struct {
	Facts Facts // of the run; what it counts is what stands in the files
	taken taken
}

// Length returns how long the samples of the run are.
func (r *Rest) Length() Length {
	f := r.Facts
	return Length{Timed: f.TimedNS, Warm: f.WarmNS, Checked: f.CheckedNS, ReuseDelay: f.ReuseDelay}
}

// A ResumeError is a run that can't be resumed.
type ResumeError struct{ Path, Reason string }

func (e *ResumeError) Error() string {
	return fmt.Sprintf("the run of %s can't be resumed: %s", e.Path, e.Reason)
}

// A CompleteError is a run of which nothing is missing.
type CompleteError struct {
	Path    string
	Samples int
}

func (e *CompleteError) Error() string {
	return fmt.Sprintf("the run of %s is complete: it has all of its %d samples", e.Path, e.Samples)
}

// Resume opens a result file to take what its last run has left to do: see [Plan]. The
// facts beside the file say what the run was to measure, and the lines of the files
// what it has. Besides the errors of [Append] there are a [*CompleteError] if nothing is
// missing, and a [*ResumeError].
func Resume(ctx context.Context, path string, m *Machine, header []Config) (*File, *Rest, error) {
	f, err := Append(ctx, path, m, header)
	if err != nil {
		return nil, nil, err
	}
	rest, err := f.rest()
	if err == nil && len(rest.taken.slots) >= rest.Facts.Rounds*len(rest.Facts.CellNames) {
		err = &CompleteError{path, len(rest.taken.slots)}
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, rest, nil
}

// rest reads what the last run of the file has left to do.
func (f *File) rest() (*Rest, error) {
	runs, err := ReadFacts(f.FactsPath())
	if err != nil {
		return nil, &ResumeError{f.path, err.Error()}
	}
	if len(runs) == 0 {
		return nil, &ResumeError{f.path, "no facts of it are in " + f.FactsPath()}
	}
	facts := runs[len(runs)-1]
	if len(facts.CellNames) == 0 || facts.Rounds < 1 || facts.TimedNS <= 0 {
		return nil, &ResumeError{f.path, f.FactsPath() + " doesn't say what it was to measure"}
	}
	rest := &Rest{facts, newTaken()}
	if _, err := rest.read(f, facts.From); err != nil {
		return nil, err
	}
	shared := 0
	if f.aside != nil {
		if shared, err = rest.read(f.aside, facts.AsideFrom); err != nil {
			return nil, err
		}
	}
	lines := 0
	for _, n := range rest.taken.lines {
		lines += n
	}
	rest.Facts.Samples, rest.Facts.Shared = len(rest.taken.slots), shared
	rest.Facts.Repeated = lines - len(rest.taken.slots)
	return rest, nil
}

// read notes the samples that stand in a file from a byte on, and returns how many
// there are. Lines that were cut off are none.
func (r *Rest) read(f *File, from int64) (samples int, err error) {
	size, _, err := f.sizes()
	if err != nil {
		return 0, err
	}
	if size < from {
		return 0, &ResumeError{f.path, "it is shorter than it was when the run began"}
	}
	br := benchfmt.NewReader(io.NewSectionReader(f.f, from, size-from), f.path)
	for br.Scan() {
		res, ok := br.Result().(*benchfmt.Result)
		if !ok {
			continue
		}
		round, _ := res.Value(UnitRound)
		if round == 0 {
			continue
		}
		key, procs := cutProcs(res.Name.String())
		id := withProbe(key, probeOf(res))
		switch {
		case !slices.Contains(r.Facts.CellNames, id) || round > float64(r.Facts.Rounds):
			return 0, &ResumeError{f.path, fmt.Sprintf("something else has added %q to it", res.Name.String())}
		case procs != fmt.Sprint(f.procs):
			return 0, &ResumeError{f.path, fmt.Sprintf("it was measured with GOMAXPROCS %s, this would be with %d", procs, f.procs)}
		}
		shared, _ := res.Value(UnitShared)
		r.taken.add(slot{id, int(round)}, shared != 0)
		samples++
	}
	return samples, br.Err()
}

// cutProcs returns the key of a cell and the GOMAXPROCS that its name says: see
// [Cell.Name].
func cutProcs(name string) (key, procs string) {
	name = strings.TrimPrefix(name, "Ref/")
	if i := strings.LastIndexByte(name, '-'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return name, ""
}
