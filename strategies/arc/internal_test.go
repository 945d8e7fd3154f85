package arc

import (
	"fmt"
	"runtime"
	"testing"
)

// What one operation makes of each weak count at a boundary, that of the strong references
// included. What panics changes nothing.
func TestWeakBoundaries(t *testing.T) {
	downgrade := func(c *Count) bool { c.Downgrade(); return true }
	clone := func(c *Count) bool { c.CloneWeak(); return true }
	for _, tt := range []struct {
		op          string
		run         func(*Count) bool
		start, want uint64
		ret         bool
		panics      string
	}{
		{"Downgrade", downgrade, 1, 2, true, ""},
		{"Downgrade", downgrade, Max - 1, Max, true, ""},
		{"Downgrade", downgrade, Max, Max, false, "arc: Downgrade past the limit: there are 9223372036854775807 references"},
		{"Downgrade", downgrade, locked - 1, locked - 1, false, "arc: Downgrade past the limit: there are 18446744073709551614 references"},
		{"CloneWeak", clone, 1, 2, true, ""},
		{"CloneWeak", clone, Max - 1, Max, true, ""},
		{"CloneWeak", clone, Max, Max, false, "arc: CloneWeak past the limit: there are 9223372036854775807 references"},
		{"DropWeak", (*Count).DropWeak, 2, 1, false, ""},
		{"DropWeak", (*Count).DropWeak, 1, 0, true, ""},
		{"Unique", (*Count).Unique, 1, 1, true, ""},
		{"Unique", (*Count).Unique, 2, 2, false, ""},
		{"Unique", (*Count).Unique, locked, locked, false, ""},
	} {
		var c Count
		c.Init()
		c.weak.Store(tt.start)
		ret, panicked := false, ""
		func() {
			defer func() {
				if p := recover(); p != nil {
					panicked = fmt.Sprint(p)
				}
			}()
			ret = tt.run(&c)
		}()
		if got := c.weak.Load(); got != tt.want || ret != tt.ret || panicked != tt.panics {
			t.Errorf("%s at %d: left %d, returned %v, panicked with %q, want %d, %v and %q", tt.op, tt.start, got, ret, panicked, tt.want, tt.ret, tt.panics)
		}
	}
}

// While Unique looks, Downgrade waits, and Weak doesn't show the mark.
func TestDowngradeWaitsForUnique(t *testing.T) {
	var c Count
	c.Init()
	c.weak.Store(locked)
	if c.Weak() != 0 {
		t.Errorf("%d weak references while Unique looks, want 0", c.Weak())
	}
	done := make(chan struct{})
	go func() {
		c.Downgrade()
		close(done)
	}()
	for range 1000 {
		select {
		case <-done:
			t.Fatal("Downgrade didn't wait for Unique")
		default:
			runtime.Gosched()
		}
	}
	c.weak.Store(1)
	<-done
	if c.Weak() != 1 {
		t.Errorf("%d weak references after Downgrade, want 1", c.Weak())
	}
}
