package main

import (
	"encoding/json"
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
	e.Native.Program, e.Explored.Program = []string{"g"}, []string{"g"}
	e.Native.Wrong = e.Native.Fixed
	return parts
}

// detects FILE BUG ORACLE STATE expects such a cell in the output of bugs --json, with
// its numbers, and sets TOKEN to the token of its schedule if there is one.
func detects(ts *testscript.TestScript, neg bool, args []string) {
	type finding struct {
		Found      bool
		Executions int
		Seconds    float64
		Message    string
		Failure    *failure
	}
	var d struct {
		Version string
		Oracles []struct{ Name, Executions string }
		Bugs    []struct {
			Bug, Doc, Source, Interleaving, Fix string
			Preemptions                         int
			Cells                               []struct {
				Oracle, State, Why string
				Sure               bool
				Bug, Twin          *finding
			}
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &d))
	for _, b := range d.Bugs {
		for _, c := range b.Cells {
			if b.Bug != args[1] || c.Oracle != args[2] || c.State != args[3] {
				continue
			}
			ran := c.State == string(matrix.Found) || c.State == string(matrix.Missed)
			if neg || d.Version == "" || len(d.Oracles) != len(b.Cells) || b.Source == "" || b.Interleaving == "" || b.Fix == "" ||
				ran != (c.Bug != nil && c.Twin != nil) || ran == (c.Why != "") ||
				ran && (c.Bug.Executions == 0 || c.Twin.Executions == 0 || c.Twin.Found) {
				ts.Fatalf("%s: %+v %+v %+v", args[0], c, c.Bug, c.Twin)
			}
			if c.Bug != nil && c.Bug.Failure != nil {
				ts.Setenv("TOKEN", c.Bug.Failure.Token)
			}
			return
		}
	}
	if !neg {
		ts.Fatalf("%s: no %s of %s that is %s in %+v", args[0], args[2], args[1], args[3], d)
	}
}
