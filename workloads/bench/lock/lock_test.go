package lock

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// holderVariable makes the test program take the lock of the file that it names.
const holderVariable = "REFBENCH_TEST_LOCK"

func TestMain(m *testing.M) {
	if name := os.Getenv(holderVariable); name != "" {
		hold(name)
	}
	os.Exit(m.Run())
}

// hold takes the lock and ends with its standard input.
func hold(name string) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err == nil {
		err = Take(f)
	}
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("held\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func open(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestOnlyOneHasTheLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	first, second := open(t, name), open(t, name)
	err := Take(first)
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := Take(second); !errors.As(err, new(*HeldError)) {
		t.Errorf("the second to take it: %v, want a HeldError", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Take(second); err != nil {
		t.Errorf("after the first closed the file: %v", err)
	}
}

func TestLockNamesItsProcessAndDiesWithIt(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	f := open(t, name)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holderVariable+"="+name)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process says %q (%v)", line, err)
	}
	var held *HeldError
	if err := Take(f); !errors.As(err, &held) {
		t.Fatalf("while another process has it: %v, want a HeldError", err)
	}
	if want := cmd.Process.Pid; held.Process != want && runtime.GOOS != "windows" {
		t.Errorf("process %d has it, want %d", held.Process, want)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
	if err := Take(f); err != nil {
		t.Errorf("after the process was killed: %v", err)
	}
}
