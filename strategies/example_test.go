package strategies_test

import (
	"fmt"

	"github.com/refbench/refbench/strategies/saturating"
)

// A file is an object with a count of its references in it.
type file struct {
	refs saturating.Count
	name string
}

// put drops a reference, and closes the file if it was the last.
func (f *file) put() {
	if f.refs.Put() {
		fmt.Println("close", f.name)
	}
}

func Example() {
	f := &file{name: "notes"}
	f.refs.Init() // one reference: the owner's
	table := map[string]*file{f.name: f}

	// Whoever holds a reference can take another, to hand it on.
	f.refs.Get()

	// The table's pointer isn't counted, so a lookup may come too late.
	found := table["notes"].refs.TryGet()
	fmt.Println("found while open:", found)

	// The owner gives the file up. Two references are left.
	fmt.Println("last after Kill:", f.refs.Kill())

	f.put() // the one that was handed on
	f.put() // the one that the lookup took

	fmt.Println("found when closed:", table["notes"].refs.TryGet())

	// Output:
	// found while open: true
	// last after Kill: false
	// close notes
	// found when closed: false
}
