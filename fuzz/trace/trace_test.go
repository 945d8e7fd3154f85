package trace_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/refbench/refbench/fuzz/corpus"
	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/fuzz/trace"
	"github.com/refbench/refbench/strategies/builtin"
)

func targets() []corpus.Target {
	return []corpus.Target{trace.Sequential(builtin.All(), "sequential"), trace.Explored(scenarios.Builtin(), "explored")}
}

// features returns an input's features, sorted, each once.
func features(t *testing.T, f func([]byte) ([]corpus.Feature, error), data []byte) []corpus.Feature {
	t.Helper()
	list, err := f(data)
	if err != nil {
		t.Fatal(err)
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func encode(t *testing.T, text string) []byte {
	t.Helper()
	p, err := program.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p.Encode()
}

func without(a, b []corpus.Feature) []corpus.Feature {
	return slices.DeleteFunc(slices.Clone(a), func(f corpus.Feature) bool { return slices.Contains(b, f) })
}

// The features of an input depend on the input alone: not on what was traced before,
// nor on the bytes that the target doesn't read.
func TestSameInputSameFeatures(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for _, target := range targets() {
		one := target.Trace()
		for i := range 50 {
			data := make([]byte, r.IntN(700))
			for i := range data {
				data[i] = byte(r.Uint32())
			}
			want := features(t, one, data)
			// What traces keeps its goroutines and their memory, so only some are new.
			if i%10 == 0 {
				if got := features(t, target.Trace(), data); !slices.Equal(got, want) {
					t.Fatalf("%s, seed %d: input %x has %d features after others, and %d alone", target.Name, seed, data, len(want), len(got))
				}
			}
			trimmed := target.Trim(data)
			if !bytes.HasPrefix(data, trimmed) {
				t.Fatalf("%s, seed %d: input %x was trimmed to %x", target.Name, seed, data, trimmed)
			}
			if got := features(t, one, trimmed); !slices.Equal(got, want) {
				t.Fatalf("%s, seed %d: input %x has other features when trimmed to %x", target.Name, seed, data, trimmed)
			}
			if again := target.Trim(trimmed); !bytes.Equal(again, trimmed) {
				t.Fatalf("%s, seed %d: %x is trimmed to %x", target.Name, seed, trimmed, again)
			}
		}
	}
}

// A program has a feature more if a call of it meets a new state, has a new result, or
// comes after another one.
func TestSequentialFeatures(t *testing.T) {
	f := targets()[0].Trace()
	base := features(t, f, encode(t, "a.Get a.Put a.Put"))
	for _, c := range []struct {
		what, steps string
		more        bool
	}{
		{"the same", "a.Get a.Put a.Put", false},
		{"its beginning", "a.Get a.Put", false},
		{"another operation", "a.Get a.TryGet", true},
		{"the operations in another order", "a.Put a.Get a.Put", true},
		{"a call in a new state", "a.Get a.Put a.Put a.Put", true},
	} {
		got := without(features(t, f, encode(t, c.steps)), base)
		if (len(got) > 0) != c.more {
			t.Errorf("%s: %d features more", c.what, len(got))
		}
	}
}

// Two threads have a feature if their accesses meet, one has none.
func TestExploredFeatures(t *testing.T) {
	f := targets()[1].Trace()
	one := features(t, f, encode(t, "a.Get a.Put"))
	if len(one) != 0 {
		t.Errorf("one thread has %d features", len(one))
	}
	two := features(t, f, encode(t, "a.Get a.Put|a.Get a.Put"))
	if len(two) == 0 {
		t.Error("two threads have no features")
	}
	more := features(t, f, encode(t, "a.TryGet a.Put|a.Get a.Put"))
	if len(without(more, two)) == 0 {
		t.Error("another operation of one of them adds nothing")
	}
}
