package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2/maybe"

	"github.com/refbench/refbench/workloads/bench/doctor"
)

// Facts are what is true of one run only. They stand in a JSON file beside the
// result file, because readers of the format would take samples with different
// config lines for measurements of different things.
type Facts struct {
	ID       string        `json:"id"`       // random
	Started  time.Time     `json:"started"`  // UTC
	Ended    time.Time     `json:"ended"`    // UTC; zero while the run lasts
	Seed     uint64        `json:"seed"`     // fixes order and instances
	Cells    int           `json:"cells"`    // strategies × workloads × CPU counts
	Rounds   int           `json:"rounds"`   // planned
	Samples  int           `json:"samples"`  // taken, repeated ones not counted
	Repeated int           `json:"repeated"` // taken again because their CPUs were shared
	Shared   int           `json:"shared"`   // excluded because their CPUs were shared, repeated ones among them
	TimedNS  time.Duration `json:"timed_ns"` // of each worker, in each sample
	WarmNS   time.Duration `json:"warm_ns"`
	StealNS  time.Duration `json:"steal_ns"` // of all CPUs, over the samples
	LoadAvg  string        `json:"load_average,omitempty"`
	MaxProcs int           `json:"gomaxprocs"` // while measuring

	CheckedNS  time.Duration `json:"checked_ns"`
	ReuseDelay int           `json:"reuse_delay"` // objects: see [Length]

	CommitFrom string `json:"commit_from"` // what told the config line "commit": see [Commit]

	// WallNS is how long the run took until its end, and OverheadNS how much of
	// that was in no warm-up, timed or checked part of a sample.
	WallNS     time.Duration `json:"wall_ns"`
	OverheadNS time.Duration `json:"overhead_ns"`

	// What it takes to resume the run: the cells, and from which byte on its
	// samples stand in the result file and in the one beside it.
	CellNames []string `json:"cell_names"`
	From      int64    `json:"from_byte"`
	AsideFrom int64    `json:"shared_from_byte"`
	Resumed   int      `json:"resumed,omitempty"` // how often it was

	// Conditions are what of the machine isn't fine, when the run began.
	Conditions []doctor.Condition `json:"conditions,omitempty"`

	Interrupted bool     `json:"interrupted,omitempty"`
	Failures    []string `json:"failures,omitempty"`
}

// factsFile is the JSON file: one entry for each run that added to the result
// file.
type factsFile struct {
	Runs []Facts `json:"runs"`
}

// FactsPath returns the name of the JSON file beside a result file. A file that isn't
// regular has none: "".
func (f *File) FactsPath() string {
	if !f.regular {
		return ""
	}
	return FactsPath(f.path)
}

// FactsPath returns the name of the JSON file beside a result file: results.json for
// results.txt. No two result files have the same: it is NAME.facts.json for one whose
// name doesn't end in .txt.
func FactsPath(path string) string {
	const ext, other = ".txt", ".facts"
	if stem, ok := strings.CutSuffix(path, ext); ok && filepath.Base(path) != ext && !strings.HasSuffix(stem, other) {
		return stem + ".json"
	}
	return path + other + ".json"
}

// ReadFacts reads the runs of a JSON file, none if it doesn't exist.
func ReadFacts(path string) ([]Facts, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // to open it could take for ever
		return nil, fmt.Errorf("%s is %s, not the facts of a run", path, kindOf(info))
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var ff factsFile
	if err := json.Unmarshal(b, &ff); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ff.Runs, nil
}

// writeFacts replaces the JSON file in one step, so that a reader sees the old
// or the new one.
func writeFacts(path string, runs []Facts) error {
	b, err := json.MarshalIndent(factsFile{runs}, "", "  ")
	if err != nil {
		return err
	}
	return maybe.WriteFile(path, append(b, '\n'), 0o644)
}

// ledger is the JSON file of a run: its own facts, and those of the other runs.
type ledger struct {
	path   string // "" if there is none
	others []Facts
	wrote  fs.FileInfo // what it wrote last, or found at first; nil if there was nothing
	told   bool        // that the file isn't that any more
}

// openLedger reads the facts that are there.
func openLedger(path string) (*ledger, error) {
	l := &ledger{path: path}
	if path == "" {
		return l, nil
	}
	var err error
	if l.others, err = ReadFacts(path); err != nil {
		return nil, err
	}
	l.wrote, err = l.stat()
	return l, err
}

// stat returns what the file is, nil if there is none.
func (l *ledger) stat() (fs.FileInfo, error) {
	info, err := os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return info, err
}

// touched says once what somebody else has done to the file since it was written last, ""
// if nothing.
func (l *ledger) touched() string {
	if l.path == "" || l.told {
		return ""
	}
	info, err := l.stat()
	switch {
	case err != nil:
		l.told = true
		return err.Error()
	case info == nil && l.wrote != nil:
		l.told = true
		return l.path + " was removed during the run; it is written again at its end, with what it said"
	case info != nil && (l.wrote == nil || !os.SameFile(info, l.wrote) || !info.ModTime().Equal(l.wrote.ModTime())):
		l.told = true
		return l.path + " was changed by somebody else during the run; what it says of other runs stays"
	}
	return ""
}

// save writes the facts of the run. What the file says of other runs by now stays.
func (l *ledger) save(own Facts) error {
	if l.path == "" {
		return nil
	}
	info, err := l.stat()
	if err != nil {
		return err
	}
	if info != nil {
		runs, err := ReadFacts(l.path)
		if err != nil {
			return fmt.Errorf("%w: it was changed during the run, and is left as it is", err)
		}
		l.others = slices.DeleteFunc(runs, func(f Facts) bool { return f.ID == own.ID })
	}
	if err := writeFacts(l.path, append(slices.Clone(l.others), own)); err != nil {
		return err
	}
	l.wrote, err = l.stat()
	return err
}
