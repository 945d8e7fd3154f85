package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/scenarios"
)

// exploreChildName is the command of a process that explores pairs for another one: see
// [helper].
const exploreChildName = "explore-child"

// An order says what a process is to explore: pairs with the same names.
type order struct {
	Strategy, Workload, Program string
	Wrong                       bool
	Search                      explore.Search
	Seed                        uint64
	Depth, Bound, Executions    int
	Part, Parts                 int
	Time                        time.Duration
}

// A task is a pair to explore, and which part of it.
type task struct {
	scenarios.Pair
	part int
}

// whole are the tasks of pairs that aren't cut.
func whole(pairs []scenarios.Pair) (tasks []task) {
	for _, p := range pairs {
		tasks = append(tasks, task{p, 0})
	}
	return tasks
}

// same reports whether one order has both.
func (t task) same(o task) bool {
	return t.Strategy == o.Strategy && t.Workload == o.Workload && t.part == o.part
}

// An answer is what came out of an order.
type answer struct {
	Pairs []exploredPair
	Error string // why some are missing
}

// newHelperCommand returns the command of a [helper]: it reads an order a line, in JSON, and
// answers each with a line. When its input ends, so does what goes on.
func newHelperCommand[O, A any](name string, carryOut func(context.Context, O) A) *cobra.Command {
	return &cobra.Command{
		Use:    name,
		Hidden: true,
		Args:   noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			// A terminal sends these to this process too. Whose orders it carries out says when to end.
			signal.Ignore(os.Interrupt, syscall.SIGHUP)
			ctx, stop := context.WithCancel(c.Context())
			defer stop()
			orders := make(chan O)
			go func() {
				defer stop()
				defer close(orders)
				for d := json.NewDecoder(c.InOrStdin()); ; {
					var o O
					if d.Decode(&o) != nil {
						return // it has ended
					}
					orders <- o
				}
			}()
			e := json.NewEncoder(c.OutOrStdout())
			for o := range orders {
				if err := e.Encode(carryOut(ctx, o)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// carryOut explores the pairs of the order.
func (o order) carryOut(ctx context.Context, forms scenarios.Forms) (a answer) {
	pairs, err := choosePairs(forms, []string{o.Strategy}, []string{o.Workload}, o.Wrong)
	if err == nil && o.Program != "" {
		pairs, err = giveProgram(pairs, forms, o.Program, o.Wrong)
	}
	if err == nil {
		tasks := whole(pairs)
		for i := range tasks {
			tasks[i].part = o.Part
		}
		here := exploreHere(ctx, tasks, explore.Options{
			Seed: o.Seed, Search: o.Search, Depth: o.Depth, Bound: o.Bound, Executions: o.Executions, Time: o.Time,
			Parts: o.Parts, Version: forms.Version, Stop: ctx.Done(),
		})
		err = explorePairs(ctx, len(pairs), here, "", func(e exploredPair) error {
			a.Pairs = append(a.Pairs, e)
			return nil
		})
	}
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

// exploreApart explores pairs in other processes, several at a time. end must be called, and
// ends them.
func exploreApart(ctx context.Context, self string, jobs int, tasks []task, o explore.Options, program string, wrong bool) (explorer, func()) {
	// Pairs of the same names, which stand together, are one order.
	type group struct {
		first   int
		order   order
		answers chan answer
	}
	var groups []*group
	of := make([]*group, len(tasks)) // a task's
	for i, p := range tasks {
		if i > 0 && p.same(tasks[i-1]) {
			of[i] = of[i-1]
			continue
		}
		of[i] = &group{i, order{
			Strategy: p.Strategy, Workload: p.Workload, Program: program, Wrong: wrong,
			Search: o.Search, Seed: o.Seed, Depth: o.Depth, Bound: o.Bound, Executions: o.Executions, Time: o.Time,
			Part: p.part, Parts: o.Parts,
		}, make(chan answer, 1)}
		groups = append(groups, of[i])
	}
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() {
		helped(self, exploreChildName, jobs, len(groups), func(h *helper, i int) {
			g := groups[i]
			var a answer
			err := ctx.Err()
			if err == nil {
				err = h.do(ctx, g.order, &a)
			}
			if err != nil {
				a.Error = err.Error()
			}
			g.answers <- a
		})
	})
	here := exploreHere(ctx, tasks, o)
	got := make(map[*group]answer)
	explored := func(i int) (exploredPair, error) {
		g := of[i]
		if _, ok := got[g]; !ok {
			got[g] = <-g.answers
		}
		a := got[g]
		if i-g.first >= len(a.Pairs) {
			return exploredPair{}, failedf("%s", a.Error)
		}
		e := a.Pairs[i-g.first]
		if e.Unsupported != "" {
			return here(i)
		}
		if f := e.Failure; f != nil && f.Token != "" {
			// What crossed over has no picture.
			if again, err := explore.Replay(f.Token, []*explore.Scenario{tasks[i].Scenario}, explore.Options{Version: o.Version}); err == nil {
				again.Executions = f.Executions
				e.Failure = again
			}
		}
		return e, nil
	}
	return explored, func() {
		stop()
		all.Wait()
	}
}

// checkJobs returns what is wrong with a number of helpers.
func checkJobs(jobs int) error {
	if jobs < 1 || jobs > mostWorkers {
		return usagef("--jobs %d: want 1 .. %d", jobs, mostWorkers)
	}
	return nil
}

// helped does n things with helpers, so many at a time, and returns when all are done. They are
// begun in their order.
func helped(self, command string, jobs, n int, do func(h *helper, i int)) {
	todo := make(chan int, n)
	for i := range n {
		todo <- i
	}
	close(todo)
	var workers sync.WaitGroup
	for range min(jobs, n) {
		workers.Go(func() {
			h := helper{self: self, command: command}
			defer h.end()
			for i := range todo {
				do(&h, i)
			}
		})
	}
	workers.Wait()
}

// A helper is a process that carries out orders, which is started with the first one.
type helper struct {
	self    string
	command string // of self, made by newHelperCommand
	cmd     *exec.Cmd
	orders  io.WriteCloser
	says    *bufio.Reader
	errors  bytes.Buffer
	ended   chan struct{}
}

// start begins the process. It ends with this one, whatever ends that: what goes on there may be a call that
// leaves it no time to see that its input has ended.
func (h *helper) start() (err error) {
	h.cmd = exec.Command(h.self, h.command)
	h.cmd.Stderr = &h.errors
	if h.orders, err = h.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	h.says = bufio.NewReader(out)
	h.cmd.SysProcAttr = endsWithThread()
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// The system goes by the thread that began the process, so that stays until then.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		started <- h.cmd.Start()
		<-ended
	}()
	h.ended = ended
	if err = <-started; err != nil {
		close(ended)
	}
	return err
}

// do has the order carried out, and fills in the answer. When ctx ends, so does what goes on,
// and what came out until then is the answer.
func (h *helper) do(ctx context.Context, order, answer any) error {
	if h.cmd == nil {
		if err := h.start(); err != nil {
			h.cmd = nil
			return err
		}
	}
	defer context.AfterFunc(ctx, func() { _ = h.orders.Close() })()
	err := json.NewEncoder(h.orders).Encode(order)
	if err == nil {
		var line []byte
		if line, err = h.says.ReadBytes('\n'); err == nil {
			err = json.Unmarshal(line, answer)
		}
	}
	if err != nil {
		h.end()
		err = fmt.Errorf("the process that did it ended: %w %.500s", err, strings.TrimSpace(h.errors.String()))
		h.errors.Reset()
	}
	return err
}

// end ends the process.
func (h *helper) end() {
	if h.cmd == nil {
		return
	}
	_ = h.orders.Close()
	_ = h.cmd.Wait()
	close(h.ended)
	h.cmd = nil
}

// kill ends the process whatever it is at. The next order begins another one.
func (h *helper) kill() {
	_ = h.cmd.Process.Kill()
	h.end()
	h.errors.Reset()
}
