package workloads

import (
	"testing"

	"github.com/refbench/refbench/strategies/judge"
)

// The sentence is about something worse than a leak if there is anything worse, leaves
// out the history, and says how much else there is.
func TestSentence(t *testing.T) {
	kinds := func(leaks, frees uint64) (k [judge.Kinds]uint64) {
		k[judge.Leak], k[judge.DoubleFree] = leaks, frees
		return k
	}
	leak, free := "leak: object 1: never released; its last operations: a Get", "double-free: object 2: freed again; its last operations: b Put"
	for _, c := range []struct {
		books Books
		want  string
	}{
		{Books{Lives: 1, Released: 1}, ""},
		{Books{Kinds: kinds(1, 0), Notes: []string{leak}}, "leak: object 1: never released"},
		{Books{Kinds: kinds(2, 0), Notes: []string{leak, leak}}, "leak: object 1: never released (in all 2 leak)"},
		{Books{Kinds: kinds(1, 1), Notes: []string{leak, free}}, "double-free: object 2: freed again (in all 1 double-free, 1 leak)"},
		{Books{Kinds: kinds(0, 3)}, "3 double-free"},
	} {
		if got := c.books.Sentence(); got != c.want {
			t.Errorf("sentence %q, want %q", got, c.want)
		}
	}
}
