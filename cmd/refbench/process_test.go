//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// processCommands are the commands of scripts that need signals and pipes.
var processCommands = map[string]func(*testscript.TestScript, bool, []string){
	"fifo":         fifo,
	"piped":        piped,
	"pipein":       pipeIn,
	"stopblocked":  stopBlocked,
	"stopwaiting":  stopWaiting,
	"whilerunning": whileRunning,
	"twosignals":   twoSignals,

	"signalhelpers": signalHelpers,
}

var signals = map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL}

// hangups are those that the tests get. If they were ignored, as under nohup, what the tests
// start would ignore them too.
var hangups = make(chan os.Signal, 1)

// takeHangups has what the tests start take hangups.
func takeHangups() { signal.Notify(hangups, syscall.SIGHUP) }

// start starts a command of a script. What it prints is in the files stdout.txt and
// stderr.txt.
func start(ts *testscript.TestScript, args []string, change ...func(*exec.Cmd)) *exec.Cmd {
	path, err := exec.LookPath(args[0])
	if err != nil {
		// The commands of TestMain are on the script's PATH only.
		path = filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], args[0])
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "PATH="+ts.Getenv("PATH"))
	for _, name := range []string{"GOMAXPROCS", "GODEBUG", "TMPDIR"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	for name, out := range map[string]*io.Writer{"stdout.txt": &cmd.Stdout, "stderr.txt": &cmd.Stderr} {
		f, err := os.Create(ts.MkAbs(name))
		ts.Check(err)
		ts.Defer(func() { f.Close() })
		*out = f
	}
	for _, f := range change {
		f(cmd)
	}
	ts.Check(cmd.Start())
	return cmd
}

// ends waits until a command has ended and returns its status, -1 if a signal ended it.
func ends(ts *testscript.TestScript, cmd *exec.Cmd) int {
	late := time.AfterFunc(longest, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !late.Stop() {
		ts.Fatalf("%v: still running after %v:\n%s", cmd.Args, longest, ts.ReadFile("stderr.txt"))
	}
	var ee *exec.ExitError
	if err != nil && !errors.As(err, &ee) {
		ts.Fatalf("%v: %v", cmd.Args, err)
	}
	return cmd.ProcessState.ExitCode()
}

// until waits for something.
func until(ts *testscript.TestScript, cmd *exec.Cmd, what string, ready func() bool) {
	for begin := time.Now(); !ready(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > longest {
			_ = cmd.Process.Kill() // it may have ended
			ts.Fatalf("%v: not %s after %v:\n%s", cmd.Args, what, longest, ts.ReadFile("stderr.txt"))
		}
	}
}

// fifo NAME makes a named pipe.
func fifo(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(unix.Mkfifo(ts.MkAbs(args[0]), 0o666))
}

// piped COMMAND ... runs a command that prints to a pipe. What came through it is in
// piped.txt.
func piped(ts *testscript.TestScript, _ bool, args []string) {
	r, w, err := os.Pipe()
	ts.Check(err)
	defer r.Close()
	cmd := start(ts, args, func(c *exec.Cmd) { c.Stdout = w })
	ts.Check(w.Close())
	got, err := io.ReadAll(r)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("piped.txt"), got, 0o666))
	if status := ends(ts, cmd); status != 0 {
		ts.Fatalf("%v: status %d\n%s", args, status, ts.ReadFile("stderr.txt"))
	}
}

// pipein COMMAND ... runs a command whose standard input is a pipe through which the file
// piped.txt comes.
func pipeIn(ts *testscript.TestScript, _ bool, args []string) {
	cmd := start(ts, args, func(c *exec.Cmd) { c.Stdin = bytes.NewReader([]byte(ts.ReadFile("piped.txt"))) })
	if status := ends(ts, cmd); status != 0 {
		ts.Fatalf("%v: status %d\n%s", args, status, ts.ReadFile("stderr.txt"))
	}
	if !strings.Contains(ts.ReadFile("stdout.txt"), "getput") {
		ts.Fatalf("%v printed\n%s", args, ts.ReadFile("stdout.txt"))
	}
}

// stopblocked COMMAND ... -o FIFO runs a command that writes to a named pipe from which
// is read no more than the first bytes, and expects it to end with status 3 when it is
// interrupted.
func stopBlocked(ts *testscript.TestScript, _ bool, args []string) {
	r, err := os.OpenFile(ts.MkAbs(args[len(args)-1]), os.O_RDONLY|unix.O_NONBLOCK, 0)
	ts.Check(err)
	defer r.Close()
	cmd := start(ts, args)
	// The pipe has room for 64 KB; nothing comes while it is full.
	full := func() bool {
		n, err := unix.IoctlGetInt(int(r.Fd()), unix.TIOCINQ)
		return err == nil && n > 60_000
	}
	until(ts, cmd, "blocked", full)
	ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	if status := ends(ts, cmd); status != 3 {
		ts.Fatalf("%v: status %d, want 3\n%s", args, status, ts.ReadFile("stderr.txt"))
	}
}

// stopwaiting COMMAND ... FIFO runs a command that reads from a named pipe to which is
// written one line and then nothing, and expects it to end with status 3 when it is
// interrupted.
func stopWaiting(ts *testscript.TestScript, _ bool, args []string) {
	w, err := os.OpenFile(ts.MkAbs(args[len(args)-1]), os.O_RDWR, 0) // waits for no reader
	ts.Check(err)
	defer w.Close()
	_, err = w.WriteString("format: refbench/1\n")
	ts.Check(err)
	cmd := start(ts, args)
	until(ts, cmd, "reading", func() bool {
		n, err := unix.IoctlGetInt(int(w.Fd()), unix.TIOCINQ)
		return err == nil && n == 0
	})
	ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	if status := ends(ts, cmd); status != 3 {
		ts.Fatalf("%v: status %d, want 3\n%s", args, status, ts.ReadFile("stderr.txt"))
	}
}

// whilerunning 'COMMAND ...' SIGNAL FILE ACTION ... starts a command, waits until the file
// has three samples more than before, does the action, which is "exits STATUS COMMAND ..."
// or "rm FILE", and then sends the signal. With END for the signal it waits until the
// command ends by itself, with status 3.
func whileRunning(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs(args[2])
	before := 0
	for hasSamples(file, before+1) {
		before++
	}
	cmd := start(ts, strings.Fields(args[0]))
	until(ts, cmd, "three samples", func() bool { return hasSamples(file, before+3) })
	switch action := args[3:]; action[0] {
	case "exits":
		exits(ts, false, action[1:])
	case "rm":
		ts.Check(os.Remove(ts.MkAbs(action[1])))
	}
	want := 3
	if args[1] != "END" {
		if args[3] == "rm" { // it is to see that first
			until(ts, cmd, "said", func() bool { return strings.Contains(ts.ReadFile("stderr.txt"), args[4]+" was") })
		}
		ts.Check(cmd.Process.Signal(signals[args[1]]))
	}
	if args[1] == "KILL" {
		want = -1
	}
	if status := ends(ts, cmd); status != want {
		ts.Fatalf("%v: status %d, want %d\n%s", args[0], status, want, ts.ReadFile("stderr.txt"))
	}
}

// twosignals FIRST SECOND COMMAND ... starts a command, waits until it has begun, and
// expects it to end after the second signal at the latest, and with it the processes that it has begun.
func twoSignals(ts *testscript.TestScript, _ bool, args []string) {
	cmd := start(ts, args[2:])
	until(ts, cmd, "begun", func() bool { return ts.ReadFile("stderr.txt") != "" || spins(cmd.Process.Pid) })
	const moment = 300 * time.Millisecond
	time.Sleep(moment) // so that it is where it hangs
	ts.Check(cmd.Process.Signal(signals[args[0]]))
	time.Sleep(moment) // the system may else make one of two
	_ = cmd.Process.Signal(signals[args[1]])
	if status := ends(ts, cmd); status == 0 {
		ts.Fatalf("%v: status 0 after %v", args[2:], args[:2])
	}
	until(ts, cmd, "without processes of its own", func() bool { return len(helpersIn(ts)) == 0 })
}

// signalhelpers SIGNAL COMMAND ... starts a command, and sends the signal to the processes that it has begun,
// as a terminal does. What it prints to standard output is in said.txt.
func signalHelpers(ts *testscript.TestScript, _ bool, args []string) {
	out, err := os.Create(ts.MkAbs("said.txt"))
	ts.Check(err)
	defer out.Close()
	cmd := start(ts, args[1:], func(c *exec.Cmd) { c.Stdout = out })
	until(ts, cmd, "deaf to terminals", func() bool {
		ids := helpersIn(ts)
		return len(ids) > 0 && !slices.ContainsFunc(ids, hearsInterrupts)
	})
	for _, id := range helpersIn(ts) {
		pid, err := strconv.Atoi(id)
		ts.Check(err)
		ts.Check(syscall.Kill(pid, signals[args[0]].(syscall.Signal)))
	}
	if status := ends(ts, cmd); status != 0 {
		ts.Fatalf("%v: status %d\n%s", args[1:], status, ts.ReadFile("stderr.txt"))
	}
}

// hearsInterrupts reports whether an interrupt isn't ignored by a process: it may only be beginning.
func hearsInterrupts(id string) bool {
	status, err := os.ReadFile("/proc/" + id + "/status")
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(status), "\nSigIgn:\t")
	mask, err := strconv.ParseUint(strings.SplitN(rest, "\n", 2)[0], 16, 64)
	return err != nil || mask&(1<<(syscall.SIGINT-1)) == 0
}

// spins reports whether a process has used more of a CPU than to begin.
func spins(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	fields := bytes.Fields(rest) // from the third of proc_pid_stat(5) on
	const utime = 14 - 3
	if len(fields) <= utime {
		return false
	}
	ticks, err := strconv.Atoi(string(fields[utime])) // of 10 ms
	return err == nil && ticks > 50
}

// helpersIn returns the processes of the script's folder that work for another one.
func helpersIn(ts *testscript.TestScript) (ids []string) {
	all, err := filepath.Glob("/proc/[0-9]*")
	ts.Check(err)
	for _, p := range all {
		command, err1 := os.ReadFile(filepath.Join(p, "cmdline"))
		folder, err2 := os.Readlink(filepath.Join(p, "cwd"))
		if err1 == nil && err2 == nil && strings.Contains(string(command), "-child\x00") && folder == ts.MkAbs(".") {
			ids = append(ids, filepath.Base(p))
		}
	}
	return ids
}
