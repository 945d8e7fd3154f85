package draw

import (
	"slices"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// What a thread does in a package that judges is one row, until another thread goes
// on or it is back in the code that is explored.
func TestJudgesAreOneRow(t *testing.T) {
	const judge = "example.org/books"
	step := 0
	at := func(thread int, function string) engine.Event {
		step++
		return engine.Event{Step: step, Thread: thread, CPU: thread, Kind: engine.OpAdd, Where: "n", File: "x.go", Line: step, Func: function}
	}
	p := &Picture{
		Title: "title", Rule: "rule", CPUs: 2, Threads: 2, Judges: []string{judge},
		Events: []engine.Event{
			at(0, "example.org/count.Get"),
			at(0, judge+".(*Shadow).Took"), at(0, judge+".(*Shadow).Took"), at(0, judge+".Look"),
			at(1, judge+".Look"),
			at(0, judge+".Look"), at(0, judge+".Look"),
			at(0, "example.org/bookshelf.Put"),
		},
	}
	var b strings.Builder
	if err := Text(&b, p); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		if f := strings.Fields(line); len(f) > 4 && f[1][0] == 'T' {
			got = append(got, strings.Join(f[:5], " "))
		}
	}
	want := []string{
		"1 T0 add n 0", "4 T0 (books: 3 accesses)", "5 T1 (books: 1 access)", "7 T0 (books: 2 accesses)", "8 T0 add n 0",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("rows\n%s\nwant\n%s\nof\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), b.String())
	}
	if p.Judges = nil; len(p.rows()) != len(p.Events) {
		t.Errorf("without judges there are %d rows of %d events", len(p.rows()), len(p.Events))
	}
}

// What no other thread touches is one row from three accesses on, unless it is all that
// there is.
func TestOwnIsOneRow(t *testing.T) {
	step := 0
	at := func(thread int, loc uint32) engine.Event {
		step++
		return engine.Event{Step: step, Thread: thread, Kind: engine.OpAdd, Loc: loc}
	}
	const own, shared = 1, 2
	events := []engine.Event{
		at(0, own), at(0, own), at(0, shared), // two: they are shown
		at(0, own), at(0, own), at(0, own), at(0, own), // 4
		at(1, 3), at(1, 4), at(1, 5), // 3
		at(1, shared),
	}
	for _, c := range []struct {
		events []engine.Event
		want   []int
	}{
		{events, []int{1, 1, 1, 4, 3, 1}},
		{events[:10], []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}, // nothing is shared
	} {
		var got []int
		for _, r := range (&Picture{Events: c.events}).rows() {
			got = append(got, r.times)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("of %d events rows of %v, want %v", len(c.events), got, c.want)
		}
	}
}
