package main

import (
	"encoding/json"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// explored is what the scripts read of explore --json.
type explored struct {
	Version string
	Pairs   []struct {
		Strategy, Workload, Verdict, Search string
		Executions, Points                  int
		Seconds                             float64
		Failure                             *failure
	}
}

// failure is also what replay --json prints.
type failure struct {
	Kind, Message, Token string
	Program              []string
	Points               int
}

func readExplored(ts *testscript.TestScript, file string) explored {
	var e explored
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &e))
	return e
}

// theFailure returns the only pair's failure.
func theFailure(ts *testscript.TestScript, file string) *failure {
	e := readExplored(ts, file)
	if len(e.Pairs) != 1 || e.Pairs[0].Failure == nil || e.Pairs[0].Failure.Token == "" {
		ts.Fatalf("%s: want one pair with a failure and its token: %+v", file, e)
	}
	return e.Pairs[0].Failure
}

// tokenof FILE sets TOKEN to the token in the output of explore --json, CUT to all
// of it but the end, and ALTERED to one with another letter.
func tokenOf(ts *testscript.TestScript, neg bool, args []string) {
	token := theFailure(ts, args[0]).Token
	ts.Setenv("TOKEN", token)
	ts.Setenv("CUT", token[:len(token)-4])
	altered := []byte(token)
	altered[len(altered)/2] ^= 'a' ^ 'b'
	ts.Setenv("ALTERED", string(altered))
	broken := "\n" + token[:40] + "\r\n" + token[40:] + "\n\n"
	ts.Check(os.WriteFile(ts.MkAbs("token.txt"), []byte(broken), 0o666))
}

// sametoken FILE FILE expects the same token in both.
func sameToken(ts *testscript.TestScript, neg bool, args []string) {
	if a, b := theFailure(ts, args[0]), theFailure(ts, args[1]); (a.Token == b.Token) == neg {
		ts.Fatalf("tokens %s and %s", a.Token, b.Token)
	}
}

// samefailure EXPLORED REPLAYED expects that replay --json shows what explore
// --json found.
func sameFailure(ts *testscript.TestScript, neg bool, args []string) {
	a := theFailure(ts, args[0])
	var b failure
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &b))
	if same := a.Kind == b.Kind && a.Message == b.Message && a.Token == b.Token && a.Points == b.Points; same == neg {
		ts.Fatalf("found:\n%+v\nreplayed:\n%+v", *a, b)
	}
}

// parses FILE STRATEGY/WORKLOAD VERDICT expects such a pair in the output of
// explore --json, with its numbers.
func parses(ts *testscript.TestScript, neg bool, args []string) {
	e := readExplored(ts, args[0])
	for _, p := range e.Pairs {
		if p.Strategy+"/"+p.Workload == args[1] && p.Verdict == args[2] {
			if neg || p.Executions == 0 || p.Points == 0 || p.Seconds == 0 || p.Search == "" || e.Version == "" {
				ts.Fatalf("%s: %+v", args[0], p)
			}
			return
		}
	}
	if !neg {
		ts.Fatalf("%s: no pair %s with verdict %s in %+v", args[0], args[1], args[2], e)
	}
}
