//go:build cgo

package rseq_test

import (
	"os"
	"os/exec"
	_ "runtime/cgo" // so that threads are the C library's, as in a program that uses package net
	"strings"
	"testing"

	"github.com/refbench/refbench/strategies/rseq"
	"github.com/refbench/refbench/strategies/section"
)

const helper = "REFBENCH_RSEQ_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helper) == "" {
		os.Exit(m.Run())
	}
	// A life on several threads, which must come out even.
	var c rseq.Count
	c.Init()
	done := make(chan bool)
	for range 4 {
		go func() {
			for range 10_000 {
				c.Get()
				if c.Put() {
					break
				}
			}
			done <- true
		}()
	}
	for range 4 {
		<-done
	}
	if !c.Kill() {
		os.Stdout.WriteString("wrong: ")
	}
	os.Stdout.WriteString(section.Way())
}

// Where the C library has registered threads, its areas are used, and where it was told not to
// threads are pinned.
func TestTheCLibrarysAreas(t *testing.T) {
	way := section.Way()
	if way != "rseq of the C library" {
		t.Skipf("there are no areas of the C library's to turn off: with cgo this process adds by %q", way)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helper+"=1", "GLIBC_TUNABLES=glibc.pthread.rseq=0")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "pinned: the C library hasn't registered threads for rseq(2)") {
		t.Errorf("with glibc.pthread.rseq=0: %s, %v; want that it pins, and says why", out, err)
	}
}
