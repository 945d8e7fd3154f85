package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
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
	Samples  int           `json:"samples"`  // written
	Shared   int           `json:"shared"`   // of them, measured while CPUs were shared
	TimedNS  time.Duration `json:"timed_ns"` // of each worker, in each sample
	WarmNS   time.Duration `json:"warm_ns"`
	StealNS  time.Duration `json:"steal_ns"` // of all CPUs, over the samples
	LoadAvg  string        `json:"load_average,omitempty"`
	MaxProcs int           `json:"gomaxprocs"` // while measuring

	Interrupted bool     `json:"interrupted,omitempty"`
	Failures    []string `json:"failures,omitempty"`
}

// factsFile is the JSON file: one entry for each run that added to the result
// file.
type factsFile struct {
	Runs []Facts `json:"runs"`
}

// FactsPath returns the name of the JSON file beside a result file: results.json
// for results.txt. A file that isn't regular has none: "".
func (f *File) FactsPath() string {
	if !f.regular {
		return ""
	}
	return strings.TrimSuffix(f.path, filepath.Ext(f.path)) + ".json"
}

// ReadFacts reads the runs of a JSON file, none if it doesn't exist.
func ReadFacts(path string) ([]Facts, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
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
func writeFacts(path string, runs []Facts) (err error) {
	b, err := json.MarshalIndent(factsFile{runs}, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".facts-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	_, err = tmp.Write(append(b, '\n'))
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
