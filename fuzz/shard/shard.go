// Package shard is work that is cut into parts, done by shards that share nothing, and put
// together again.
//
// A [Plan] says what is tried: items, such as a strategy under a workload, each of which is
// tried in each part. A shard of N does every Nth part, and what comes out of a part is the
// same whoever does it. [Work] is a shard while it is done: what is finished is in its [File]
// and is never done again. [Merge] puts files together, and refuses what isn't of one plan.
package shard

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Shard says which part of the work is done here: the I-th of N, counted from 1.
type Shard struct{ I, N int }

// Most is how many shards there may be, and how many parts.
const Most = 1 << 16

// Parse returns the shard of a text such as 3/16.
func Parse(text string) (Shard, error) {
	first, second, ok := strings.Cut(text, "/")
	i, err1 := strconv.Atoi(first)
	n, err2 := strconv.Atoi(second)
	s := Shard{i, n}
	if !ok || err1 != nil || err2 != nil || i < 1 || n < i || n > Most || s.String() != text {
		return Shard{}, fmt.Errorf("shard %q: want I/N, the number of the shard and how many there are, such as 1/16 to 16/16", text)
	}
	return s, nil
}

func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.I, s.N) }

// Has reports whether a part is the shard's.
func (s Shard) Has(part int) bool { return part%s.N == s.I-1 }

// Parts returns the shard's parts, of so many.
func (s Shard) Parts(parts int) (list []int) {
	for p := s.I - 1; p < parts; p += s.N {
		list = append(list, p)
	}
	return list
}

// A Plan is what all shards of one run have in common. Whatever decides what is tried, and
// what comes out of it, is in it.
type Plan struct {
	Command string `json:"command"`
	// Commit is that of the program. Of one that has none, or has changes that are in none, it
	// has a hash of the program too.
	Commit string `json:"commit"`
	Code   string `json:"code"` // version of the explored code, as in tokens
	// Flags are those that were given and matter, in the order of their names.
	Flags []string `json:"flags"`
	Seed  uint64   `json:"seed"`

	Shards int `json:"shards"`
	Parts  int `json:"parts"`
	// Whole says that items aren't cut: the first is in part 0 alone, the second in part 1,
	// and so on, round and round.
	Whole bool   `json:"whole,omitempty"`
	Items []Item `json:"items"`
}

// An Item is one thing that is tried, such as a strategy under a workload.
type Item struct {
	Name string `json:"name"`
	// Row and Column say where a table has it.
	Row    string `json:"row"`
	Column string `json:"column"`
}

// A Task is an item in a part.
type Task struct {
	Item string
	Part int
}

// tasks returns what a shard does, all parts of an item before the next.
func (p *Plan) tasks(s Shard) (list []Task) {
	for i, item := range p.Items {
		if p.Whole {
			if part := i % p.Parts; s.Has(part) {
				list = append(list, Task{item.Name, part})
			}
			continue
		}
		for _, part := range s.Parts(p.Parts) {
			list = append(list, Task{item.Name, part})
		}
	}
	return list
}

// misfit says what of another plan differs, or "".
func (p *Plan) misfit(o *Plan) string {
	switch {
	case p.Command != o.Command:
		return fmt.Sprintf("one is of refbench %s, the other of refbench %s", p.Command, o.Command)
	case p.Commit != o.Commit:
		return fmt.Sprintf("one is of commit %s, the other of commit %s: run all shards with one refbench", p.Commit, o.Commit)
	case p.Code != o.Code:
		return fmt.Sprintf("one explored code of version %s, the other of version %s: run all shards with one refbench, and tests from one source", p.Code, o.Code)
	case p.Seed != o.Seed:
		return fmt.Sprintf("one has seed %d, the other seed %d", p.Seed, o.Seed)
	case p.Shards != o.Shards:
		return fmt.Sprintf("one is of %d shards, the other of %d", p.Shards, o.Shards)
	case p.Parts != o.Parts:
		return fmt.Sprintf("one is of %d parts, the other of %d", p.Parts, o.Parts)
	case strings.Join(p.Flags, "\x00") != strings.Join(o.Flags, "\x00"):
		return fmt.Sprintf("one has flags %q, the other %q", strings.Join(p.Flags, " "), strings.Join(o.Flags, " "))
	case len(p.Items) != len(o.Items):
		return fmt.Sprintf("one has %d items, the other %d", len(p.Items), len(o.Items))
	}
	for i := range p.Items {
		if p.Items[i] != o.Items[i] {
			return fmt.Sprintf("item %d of one is %s, of the other %s", i+1, p.Items[i].Name, o.Items[i].Name)
		}
	}
	return ""
}

// A Part is what one shard says of itself.
type Part struct {
	Shard   int     `json:"shard"` // from 1
	Machine Machine `json:"machine"`
	// Begun and Written are by the machine's clock: when the shard began, the last time if it
	// did more than once, and when this was written.
	Begun   time.Time `json:"begun"`
	Written time.Time `json:"written"`
	Resumed int       `json:"resumed,omitempty"` // how often it went on
}

// A Machine is where a shard ran.
type Machine struct {
	Host string `json:"host"`
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPU  string `json:"cpu,omitempty"` // model
	CPUs int    `json:"cpus"`          // that it could use
}

// A Result is what came out of a task.
type Result struct {
	Item    string `json:"item"`
	Part    int    `json:"part"`
	Verdict string `json:"verdict"`
	// Reason says why there is no better verdict.
	Reason string   `json:"reason,omitempty"`
	Tried  []Amount `json:"tried"`
	// Complete says what was tried completely, in words of package explore. Exhaustive
	// says that it is everything.
	Complete   string   `json:"complete,omitempty"`
	Exhaustive bool     `json:"exhaustive,omitempty"`
	Through    []string `json:"through,omitempty"` // what was tried completely within the task
	Notes      []string `json:"notes,omitempty"`
	Seconds    float64  `json:"seconds"`
}

// An Amount is how much of something was tried.
type Amount struct {
	N    uint64 `json:"n"`
	Unit string `json:"unit"` // a plural
	// Same says that every part tries the same ones, so that they aren't added up.
	Same bool `json:"same,omitempty"`
}

// A Finding is something wrong.
type Finding struct {
	Item string `json:"item"`
	Part int    `json:"part"`
	// ID tells findings of an item apart: the token that replays it, if there is one.
	ID         string `json:"id"`
	What       string `json:"what"`
	Detail     string `json:"detail,omitempty"`
	Replay     string `json:"replay,omitempty"`     // command
	Executions int    `json:"executions,omitempty"` // of the part, until it was found
}
