// Mutate changes refbench's source in one small place at a time, runs the tests that
// ought to see it, and says which changes no test saw.
//
//	go run ./cmd/refbench/mutate [flags] [GROUP...]
//
// It works on a copy of the source, so that nothing here is touched. For each group of
// packages it draws changes at random and takes the first that compile. Before tests of
// what is generated from them it generates that anew. A change is killed when a test fails or hangs.
// What survives either needs a test or changes nothing that can be seen: the second kind
// stands in equivalent.txt with the reason, and isn't run.
//
// A change that is done is in the file of results before the next begins. With the
// same file, seed and source it goes on where it was ended; with --retry it runs the
// survivors once more. The table at the end is of all changes in the file.
//
// Exit status: 0 fine; 1 a change survived; 2 wrong usage; 3 it failed.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "embed"
)

const (
	exitOK = iota
	exitSurvived
	exitUsage
	exitFailed
)

// equivalents are changes that change nothing that can be seen: a line is a change's
// name, two colons and the reason.
//
//go:embed equivalent.txt
var equivalents string

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// verdicts of a change.
const (
	killed     = "killed"
	survived   = "survived"
	equivalent = "equivalent"
)

// A result is what became of a change.
type result struct {
	change
	Group   string  `json:"group"`
	Verdict string  `json:"verdict"`
	By      string  `json:"by,omitempty"` // the packages whose test failed, or the reason
	Seconds float64 `json:"seconds"`
}

func run(args []string, out, errOut io.Writer) int {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(errOut)
	seed := flags.Uint64("seed", 1, "the changes are drawn by it")
	path := flags.String("o", "mutate.jsonl", "the file of results")
	retry := flags.Bool("retry", false, "run the survivors of the file once more, and draw nothing")
	patience := flags.Duration("patience", 3*time.Minute, "a test that takes longer hangs, which kills the change")
	list := flags.Bool("list", false, "print the changes that would be drawn, whether they compile or not")
	flags.Usage = func() {
		fmt.Fprintln(errOut, "usage: mutate [flags] [GROUP...]\n\nChange the source in one small place at a time and run its tests. Run it at the root of refbench's source.")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitOK
	} else if err != nil {
		return exitUsage
	}
	chosen, err := choose(flags.Args())
	if err == nil {
		_, err = os.Stat(filepath.Join("cmd", "refbench", "mutate"))
	}
	if err != nil {
		fmt.Fprintf(errOut, "mutate: %v\n", err)
		return exitUsage
	}
	m := &mutator{out: out, seed: *seed, patience: *patience, results: *path}
	switch {
	case *list:
		err = m.list(chosen)
	default:
		err = m.all(chosen, *retry)
	}
	if err != nil {
		fmt.Fprintf(errOut, "mutate: %v\n", err)
		return exitFailed
	}
	for _, r := range m.done {
		if r.Verdict == survived {
			return exitSurvived
		}
	}
	return exitOK
}

// choose is the groups of these names, all if there is none.
func choose(names []string) ([]group, error) {
	if len(names) == 0 {
		return groups, nil
	}
	var chosen []group
	for _, name := range names {
		i := slices.IndexFunc(groups, func(g group) bool { return g.name == name })
		if i < 0 {
			var all []string
			for _, g := range groups {
				all = append(all, fmt.Sprintf("%q", g.name))
			}
			return nil, fmt.Errorf("no group %q: there are %s", name, strings.Join(all, ", "))
		}
		chosen = append(chosen, groups[i])
	}
	return chosen, nil
}

// A mutator runs changes in a copy of the source.
type mutator struct {
	out      io.Writer
	seed     uint64
	patience time.Duration
	results  string // the file of results

	dir    string // the copy
	reason map[string]string
	done   []result
}

// draw is a group's changes in the order in which they are tried.
func (m *mutator) draw(g group) ([]change, error) {
	var all []change
	for _, dir := range g.dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			of, err := changes(filepath.ToSlash(file), source)
			if err != nil {
				return nil, err
			}
			all = append(all, of...)
		}
	}
	rng := rand.New(rand.NewPCG(m.seed, 0))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all, nil
}

func (m *mutator) list(chosen []group) error {
	for _, g := range chosen {
		drawn, err := m.draw(g)
		if err != nil {
			return err
		}
		fmt.Fprintf(m.out, "%s: %d of %d\n", g.name, g.n, len(drawn))
		for _, c := range drawn[:min(g.n, len(drawn))] {
			fmt.Fprintf(m.out, "\t%s (line %d)\n", c.name(), c.Line)
		}
	}
	return nil
}

// all runs the changes of the groups and prints the table.
func (m *mutator) all(chosen []group, retry bool) error {
	m.reason = make(map[string]string)
	for line := range strings.Lines(equivalents) {
		name, why, ok := strings.Cut(strings.TrimSpace(line), " :: ")
		if ok {
			m.reason[name] = why
		}
	}
	if err := m.read(); err != nil {
		return err
	}
	file, err := os.OpenFile(m.results, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := m.copy(); err != nil {
		return err
	}
	defer os.RemoveAll(m.dir)
	known := make(map[string]string)
	for _, r := range m.done {
		known[r.name()] = r.Verdict
	}
	for _, g := range chosen {
		if err := m.pass(g); err != nil {
			return err
		}
		drawn, err := m.draw(g)
		if err != nil {
			return err
		}
		count := 0
		for _, c := range drawn {
			if count == g.n {
				break
			}
			verdict, old := known[c.name()]
			if old {
				count++
			}
			if retry != (old && verdict == survived) || !retry && old {
				continue
			}
			r, compiles, err := m.try(g, c)
			if err != nil {
				return err
			}
			if !compiles {
				continue
			}
			if !old {
				count++
			}
			line, err := json.Marshal(r)
			if err != nil {
				return err
			}
			if _, err := file.Write(append(line, '\n')); err != nil {
				return err
			}
			m.record(r)
			fmt.Fprintf(m.out, "%-10s %3d/%d %5.1f s  %s (line %d)  %s\n", r.Verdict, count, g.n, r.Seconds, c.name(), c.Line, r.By)
		}
	}
	m.table()
	return nil
}

// pass returns an error if a group's tests fail without any change: then they say nothing
// of one.
func (m *mutator) pass(g group) error {
	var own []string
	for _, dir := range g.dirs {
		own = append(own, "./"+dir)
	}
	for _, t := range append([]test{{packages: strings.Join(own, " ")}}, g.tests...) {
		if ok, said := m.test(t); !ok {
			return fmt.Errorf("%s: the tests of %s fail without a change: %s", g.name, t.packages, firstFailure(said))
		}
	}
	return nil
}

// test runs tests as they stand in the copy.
func (m *mutator) test(t test) (ok bool, said string) {
	args := []string{"test", "-count=1", "-failfast", "-vet=off", "-timeout", m.patience.String()}
	if !t.long {
		args = append(args, "-short")
	}
	if t.run != "" {
		args = append(args, "-run", t.run)
	}
	return m.command("go", append(args, strings.Fields(t.packages)...)...)
}

// record adds a result, in the place of an older one of the same change.
func (m *mutator) record(r result) {
	if i := slices.IndexFunc(m.done, func(o result) bool { return o.name() == r.name() }); i >= 0 {
		m.done[i] = r
		return
	}
	m.done = append(m.done, r)
}

// read takes what an earlier run has done.
func (m *mutator) read() error {
	data, err := os.ReadFile(m.results)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	in := bufio.NewScanner(bytes.NewReader(data))
	in.Buffer(nil, len(data)+1)
	for n := 1; in.Scan(); n++ {
		var r result
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			return fmt.Errorf("%s:%d is no result: %w", m.results, n, err)
		}
		m.record(r)
	}
	return in.Err()
}

// copy copies what git knows of the source, as it stands here.
func (m *mutator) copy() error {
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	m.dir = dir
	names, err := exec.Command("git", "ls-files", "-z").Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		data, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(to, data, 0o777); err != nil {
			return err
		}
	}
	return nil
}

// try makes one change, runs the tests and takes the change back.
func (m *mutator) try(g group, c change) (r result, compiles bool, err error) {
	r = result{change: c, Group: g.name, Verdict: survived}
	if why, ok := m.reason[c.name()]; ok {
		r.Verdict, r.By = equivalent, why
		return r, true, nil
	}
	path := filepath.Join(m.dir, filepath.FromSlash(c.File))
	source, err := os.ReadFile(path)
	if err != nil {
		return r, false, err
	}
	if err := os.WriteFile(path, c.apply(source), 0o666); err != nil {
		return r, false, err
	}
	generated := false
	defer func() {
		err = errors.Join(err, os.WriteFile(path, source, 0o666))
		if generated {
			err = errors.Join(err, m.gen())
		}
	}()
	start := time.Now()
	if ok, _ := m.command("go", "build", "./"+filepath.ToSlash(filepath.Dir(c.File))); !ok {
		return r, false, nil
	}
	own := test{packages: "./" + filepath.ToSlash(filepath.Dir(c.File))}
	for i, t := range append([]test{own}, g.tests...) {
		if i > 0 && t.run == "" { // they have passed
			rest := slices.DeleteFunc(strings.Fields(t.packages), func(p string) bool { return p == own.packages })
			if t.packages = strings.Join(rest, " "); len(rest) == 0 {
				continue
			}
		}
		if t.gen && !generated {
			generated = true
			if err := m.gen(); err != nil {
				r.Verdict, r.By = killed, "the generator"
			}
		}
		if r.Verdict == killed {
			break
		}
		if ok, said := m.test(t); !ok {
			r.Verdict, r.By = killed, t.packages+": "+firstFailure(said)
		}
	}
	r.Seconds = time.Since(start).Seconds()
	return r, true, nil
}

// gen generates the other forms of the source as it stands in the copy.
func (m *mutator) gen() error {
	if ok, said := m.command("go", "run", "./cmd/refbench/gen"); !ok {
		return fmt.Errorf("generating failed: %s", said)
	}
	return nil
}

// command runs something in the copy and says whether it ended with status 0, and what
// it printed.
func (m *mutator) command(name string, args ...string) (ok bool, said string) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*m.patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
	cmd.WaitDelay = 10 * time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	return err == nil, output.String()
}

// firstFailure is the test that failed first by a test's output, and which of its parts.
func firstFailure(said string) string {
	failed := ""
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			if name = strings.Fields(name)[0]; failed == "" || strings.HasPrefix(name, failed+"/") {
				failed = name
			}
		} else if failed == "" && (strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:")) {
			return line
		}
	}
	return cmp.Or(failed, "failed")
}

// table prints what became of the changes, by group, in Markdown.
func (m *mutator) table() {
	fmt.Fprintln(m.out, "\n| packages | changes | killed | shown equivalent | survived | killed of the rest |")
	fmt.Fprintln(m.out, "|---|---|---|---|---|---|")
	var names []string
	for _, g := range groups {
		names = append(names, g.name)
	}
	for _, name := range append(names, "all") {
		n := make(map[string]int)
		for _, r := range m.done {
			if name == "all" || r.Group == name {
				n[r.Verdict]++
			}
		}
		rest := n[killed] + n[survived]
		if rest+n[equivalent] == 0 {
			continue
		}
		percent := "-"
		if rest > 0 {
			percent = fmt.Sprintf("%.0f %%", 100*float64(n[killed])/float64(rest))
		}
		fmt.Fprintf(m.out, "| %s | %d | %d | %d | %d | %s |\n", name, rest+n[equivalent], n[killed], n[equivalent], n[survived], percent)
	}
}
