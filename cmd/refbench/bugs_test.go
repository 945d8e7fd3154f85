package main

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/refbench/refbench/cmd/refbench/cli"
	"github.com/refbench/refbench/fuzz/bugs/matrix"
)

// kitWith returns a parts with the one bug, which is a copy.
func kitWith(name string) (cli.Parts, *matrix.Entry) {
	parts := cli.Builtin()
	i := slices.IndexFunc(parts.Bugs, func(e matrix.Entry) bool { return e.Native.Name == name })
	native, explored := *parts.Bugs[i].Native, *parts.Bugs[i].Explored
	parts.Bugs = []matrix.Entry{{Native: &native, Explored: &explored}}
	return parts, &parts.Bugs[0]
}

func badTwinParts() cli.Parts {
	parts, e := kitWith("peerplaininc")
	e.Native.Fixed = e.Native.Wrong
	return parts
}

func unfoundParts() cli.Parts {
	parts, e := kitWith("checktheninc")
	e.Native.Program, e.Explored.Program = "a.Get", "a.Get"
	e.Native.Wrong, e.Explored.Wrong = e.Native.Fixed, e.Explored.Fixed
	return parts
}

// sameschedules FILE FILE expects the same bugs in two outputs of bugs --json, in their order, each
// found by the same schedule.
func sameSchedules(ts *testscript.TestScript, neg bool, args []string) {
	type bug struct {
		Bug         string
		Preemptions int
		Failure     *struct {
			Executions int // until it was found
			Token      string
		}
	}
	var found [2][]string
	for i, file := range args {
		var d struct{ Bugs []bug }
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &d))
		for _, b := range d.Bugs {
			if b.Failure == nil {
				ts.Fatalf("%s: no schedule of %s", file, b.Bug)
			}
			found[i] = append(found[i], fmt.Sprintf("%s with %d preemptions in execution %d, %s", b.Bug, b.Preemptions, b.Failure.Executions, b.Failure.Token))
		}
	}
	if slices.Equal(found[0], found[1]) == neg {
		ts.Fatalf("%s has %q, and %s has %q", args[0], found[0], args[1], found[1])
	}
}

// detects FILE BUG CHECK STATE expects such a cell in the output of bugs --json, with
// its numbers, and sets TOKEN to the token of its schedule if there is one.
func detects(ts *testscript.TestScript, neg bool, args []string) {
	type result struct {
		Verdict, Check string
		Tried          []struct{ N uint64 }
		Findings       []struct{ What, Token string }
	}
	var d struct {
		Version string
		Checks  []string
		Bugs    []struct {
			Bug, Doc, Source, Interleaving, Fix string
			Preemptions                         int
			Failure                             *failure
			Cells                               []struct {
				Check, State, Why string
				Sure              bool
				Bug, Twin         *result
			}
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &d))
	for _, b := range d.Bugs {
		for _, c := range b.Cells {
			if b.Bug != args[1] || c.Check != args[2] || c.State != args[3] {
				continue
			}
			ran := c.State == string(matrix.Found) || c.State == string(matrix.Missed)
			if neg || d.Version == "" || len(d.Checks) != len(b.Cells) || b.Source == "" || b.Interleaving == "" || b.Fix == "" ||
				ran != (c.Bug != nil && c.Twin != nil) || ran == (c.Why != "") ||
				ran && (c.Bug.Tried[0].N == 0 || c.Twin.Tried[0].N == 0 || c.Twin.Verdict == "BROKEN" || len(c.Bug.Findings) > 0 != (c.State == string(matrix.Found))) {
				ts.Fatalf("%s: %+v %+v %+v", args[0], c, c.Bug, c.Twin)
			}
			if b.Failure != nil {
				ts.Setenv("TOKEN", b.Failure.Token)
			}
			return
		}
	}
	if !neg {
		ts.Fatalf("%s: no %s of %s that is %s in %+v", args[0], args[2], args[1], args[3], d)
	}
}
