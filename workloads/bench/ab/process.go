package ab

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/refbench/refbench/workloads/bench"
)

// A process measures cells of one side, in one layout of its code.
type process struct {
	side   *Side
	cmd    *exec.Cmd
	asks   io.WriteCloser
	says   *bufio.Reader
	errors bytes.Buffer // what it printed on stderr
	ended  bool

	config []bench.Config
	cells  []string
}

// A ProcessError is a process that can't be used.
type ProcessError struct {
	side *Side
	text string
	err  error

	// Refused reports that it refused how it was called, or that it can't be called
	// so: another one would as well.
	Refused bool
}

func (e *ProcessError) Error() string {
	return fmt.Sprintf("%s side, %s: %s", e.side.Name, e.side, e.text)
}
func (e *ProcessError) Unwrap() error { return e.err }

// start starts a process of the side and waits until it is ready.
func start(ctx context.Context, side *Side, round int, args []string) (*process, error) {
	p := &process{side: side}
	p.cmd = exec.CommandContext(ctx, side.Programs[round%len(side.Programs)], args...)
	p.cmd.Env = os.Environ()
	if side.Commit != "" {
		p.cmd.Env = append(p.cmd.Env, "REFBENCH_COMMIT="+side.Commit)
	}
	p.cmd.Stderr = &p.errors
	var err error
	if p.asks, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.says = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, &ProcessError{side: side, text: err.Error(), err: err}
	}
	for {
		line, err := p.read()
		if err != nil {
			return nil, p.broken(err)
		}
		if line == sayReady {
			return p, nil
		}
		if key, ok := strings.CutPrefix(line, sayCell); ok {
			p.cells = append(p.cells, key)
			continue
		}
		text, ok := strings.CutPrefix(line, sayConfig)
		if !ok {
			p.end()
			return nil, &ProcessError{
				side:    side,
				text:    fmt.Sprintf("it says %.80q and not what it can measure: it is no refbench, or one from before refbench ab", line),
				Refused: true,
			}
		}
		key, value, _ := strings.Cut(text, " ")
		p.config = append(p.config, bench.Config{Key: key, Value: value})
	}
}

func (p *process) read() (string, error) {
	line, err := p.says.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// measure takes one sample. A [*cellError] is of the cell alone.
func (p *process) measure(key string, seed uint64) (*benchfmt.Result, error) {
	if _, err := fmt.Fprintf(p.asks, "%s%d %s\n", askMeasure, seed, key); err != nil {
		return nil, p.broken(err)
	}
	line, err := p.read()
	if err != nil {
		return nil, p.broken(err)
	}
	if text, ok := strings.CutPrefix(line, sayError); ok {
		return nil, &cellError{p.side, key, text}
	}
	r := benchfmt.NewReader(strings.NewReader(line), p.side.Name)
	for r.Scan() {
		if result, ok := r.Result().(*benchfmt.Result); ok {
			return result.Clone(), nil
		}
	}
	return nil, p.broken(fmt.Errorf("it answers %.80q, which is no line of a result file", line))
}

// A cellError is a cell that can't be measured on one side.
type cellError struct {
	side *Side
	key  string
	text string
}

func (e *cellError) Error() string {
	return fmt.Sprintf("%s side, %s: %s: %s", e.side.Name, e.side, e.key, e.text)
}

// exitRefused is the status of a refbench that refuses how it is called.
const exitRefused = 2

// broken ends the process and says what it died of: the last that it wrote itself, if it
// did.
func (p *process) broken(cause error) error {
	err := p.end()
	lines := strings.Split(strings.TrimSpace(p.errors.String()), "\n")
	text := strings.TrimPrefix(lines[0], "refbench: ")
	if strings.HasPrefix(text, "unknown command") {
		text = "it is from before refbench ab: it has no command to measure for it"
	}
	if text == "" {
		text = errors.Join(err, cause).Error()
	}
	var exit *exec.ExitError
	return &ProcessError{side: p.side, text: oneLine(text), err: cause, Refused: errors.As(err, &exit) && exit.ExitCode() == exitRefused}
}

// end ends the process and waits for it, unless that was done.
func (p *process) end() error {
	if p.ended {
		return nil
	}
	p.ended = true
	p.asks.Close()
	// What it still says doesn't matter, but it may be waiting to say it.
	_, err := io.Copy(io.Discard, p.says)
	return errors.Join(err, p.cmd.Wait())
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
