//go:build linux && !race

package pin

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
)

// Where in Go 1.26 the number of the P is: g.m, m.p and p.id are at 0x30, 0xd0 and 0. Assembly
// has them.
const knownGo = "go1.26"

// known is 1 if that is so here. Assembly reads it.
var known uint32

// Add adds n on the word of the P that the caller runs on, and reports whether it did: not if the
// mode isn't 0, nor on a P without a word.
//
// It is no method of Tally: the compiler counts a method that calls assembly for more, and then
// what is around it isn't inlined. It is assembly, and calls pinnedAdd where that can't be used.
//
//go:noescape
func Add(t *Tally, n int64) bool

// number is the number of the P that the caller runs on, in assembly.
func number() int

var pinsBecause = sync.OnceValue(func() string {
	why := compare(runtime.Version(), number)
	if why == "" {
		known = 1
	}
	return why
})

// compare says why the number of a P can't be read by the function in this version of Go, or
// nothing.
func compare(version string, number func() int) string {
	if version != knownGo && !strings.HasPrefix(version, knownGo+".") {
		return fmt.Sprintf("where the P number is isn't known for %s, only for %s", version, knownGo)
	}
	// Several goroutines, so that several Ps are seen.
	differ := make(chan string, 4*CPUs())
	var wg sync.WaitGroup
	for range cap(differ) {
		wg.Go(func() {
			for range 16 {
				want := Pin()
				got := number()
				Unpin()
				if got != want {
					differ <- fmt.Sprintf("the P number is read as %d where Pin says %d", got, want)
					return
				}
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	select {
	case why := <-differ:
		return why
	default:
		return ""
	}
}
