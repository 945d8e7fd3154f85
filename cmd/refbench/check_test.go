package main

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// checked is what the scripts read of check --json.
type checked struct {
	Version string
	Seed    uint64
	Seconds float64
	Results []struct {
		Strategy, Check, Verdict string
		Reason, Hang             string
		Tried                    []struct {
			N    uint64
			Unit string
		}
		Bound    float64 `json:"bound95"`
		Findings []struct {
			What, Replay, Token string
			Seed                uint64
		}
		Seconds float64
	}
}

func readChecked(ts *testscript.TestScript, file string) checked {
	var c checked
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &c))
	return c
}

// finding FILE STRATEGY CHECK VERDICT[,VERDICT] expects such a result in the output of
// check --json: a broken promise with what was found and how to see it again, others
// without a finding.
func finding(ts *testscript.TestScript, neg bool, args []string) {
	c := readChecked(ts, args[0])
	for _, r := range c.Results {
		if r.Strategy != args[1] || r.Check != args[2] {
			continue
		}
		if slices.Contains(strings.Split(args[3], ","), r.Verdict) == neg {
			ts.Fatalf("want %v %s: %+v", !neg, args[3], r)
		}
		if (len(r.Findings) > 0) != (r.Verdict == "BROKEN") || r.Bound > 0 && r.Verdict != "kept" {
			ts.Fatalf("verdict, bound and findings don't fit: %+v", r)
		}
		for _, f := range r.Findings {
			if f.What == "" || f.Replay == "" || f.Seed != c.Seed {
				ts.Fatalf("finding %+v, want what, how to see it again, and seed %d", f, c.Seed)
			}
		}
		if r.Verdict == "kept" && (len(r.Tried) == 0 || r.Tried[0].N == 0) {
			ts.Fatalf("kept, and nothing was tried: %+v", r)
		}
		return
	}
	ts.Fatalf("%s: no result of %s %s", args[0], args[1], args[2])
}

// samefound FILE FILE expects the same results in two outputs of check --json, but for how long
// they took and where files are.
func sameFound(ts *testscript.TestScript, neg bool, args []string) {
	var texts [][]string
	for _, file := range args {
		c := readChecked(ts, file)
		c.Seconds = 0
		for i := range c.Results {
			r := &c.Results[i]
			r.Seconds = 0
			for k := range r.Findings {
				r.Findings[k].Replay = ""
			}
		}
		text, err := json.MarshalIndent(c, "", "\t")
		ts.Check(err)
		texts = append(texts, strings.Split(string(text), "\n"))
	}
	if slices.Equal(texts[0], texts[1]) != neg {
		return
	}
	for i, line := range texts[0] {
		if i >= len(texts[1]) || line != texts[1][i] {
			end := min(i+3, len(texts[0]), len(texts[1]))
			ts.Fatalf("line %d on, %s has %q, and %s has %q", i, args[0], texts[0][i-3:end], args[1], texts[1][i-3:end])
		}
	}
	ts.Fatalf("%s and %s are the same", args[0], args[1])
}

// checktoken FILE sets TOKEN to the first token in the output of check --json.
func checkToken(ts *testscript.TestScript, neg bool, args []string) {
	for _, r := range readChecked(ts, args[0]).Results {
		for _, f := range r.Findings {
			if f.Token != "" {
				ts.Setenv("TOKEN", f.Token)
				return
			}
		}
	}
	ts.Fatalf("%s: no token", args[0])
}

// quick FILE SECONDS expects that the check took no longer.
func quick(ts *testscript.TestScript, neg bool, args []string) {
	most, err := strconv.ParseFloat(args[1], 64)
	ts.Check(err)
	if c := readChecked(ts, args[0]); (c.Seconds <= most) == neg {
		ts.Fatalf("took %.1f s, want at most %s s", c.Seconds, args[1])
	}
}

// stuck FILE STRATEGY OPERATION MOST expects that checks of the strategy, at least one and as many
// at most, found that a call of the operation doesn't return, and that others weren't run because of
// it. Only as many can find it as run at a time.
func stuckIn(ts *testscript.TestScript, neg bool, args []string) {
	most, err := strconv.Atoi(args[3])
	ts.Check(err)
	var found []string
	left := 0
	for _, r := range readChecked(ts, args[0]).Results {
		switch {
		case r.Strategy != args[1]:
		case r.Verdict == "unknown" && strings.HasPrefix(r.Reason, "not run: a call of "+args[2]+" doesn't return"):
			left++
		case r.Verdict == "BROKEN" && r.Hang == "a call of "+args[2]+" doesn't return" && len(r.Findings) == 1 && strings.HasSuffix(r.Findings[0].What, r.Hang):
			if slices.Contains(found, r.Check) {
				ts.Fatalf("%s: two results of %s", args[1], r.Check)
			}
			found = append(found, r.Check)
		}
	}
	if (len(found) >= 1 && len(found) <= most && left > 0) == neg {
		ts.Fatalf("%s: a call of %s doesn't return is found by %q, and %d checks were left out because of it; want at most %d that find it", args[1], args[2], found, left, most)
	}
}
