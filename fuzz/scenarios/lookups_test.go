package scenarios

import (
	"strings"
	"sync"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/strategies"
)

// A lockPutter drops the last reference before it locks, if that is its flaw.
type lockPutter struct {
	flawed
	early bool
}

func (c *lockPutter) PutAndLock(l sync.Locker) bool {
	if c.early {
		if !c.Put() {
			return false
		}
		l.Lock()
		return true
	}
	l.Lock()
	if c.Put() {
		return true
	}
	l.Unlock()
	return false
}

// Lookups under the lock find a last drop that is made without it, whatever of the program is
// left; a right count passes each part.
func TestLookupsUnderTheLock(t *testing.T) {
	for _, c := range []struct {
		early   bool
		program string
		want    string
	}{
		{true, "PutAndLock|PutAndLock|Get|Try", "PutAndLock reported the last reference"},
		{true, "PutAndLock|Try", "the object is found under the lock, but TryGet says that it is dead"},
		{true, "PutAndLock|PutAndLock", ""},
		{false, "PutAndLock|PutAndLock|Get|Try", ""},
		{false, "PutAndLock Get|Try Get PutAndLock", ""},
		{false, "Get|Try", ""},
	} {
		sc := Lookups(planted("lockputter", strategies.Exact, func() strategies.Counter { return &lockPutter{early: c.early} }))
		sc.Program = strings.Split(c.program, "|")
		r := run(t, sc, explore.Options{Seed: 1, Executions: 3000})
		got := ""
		if r.Failure != nil {
			got = r.Failure.Message
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s, early drop %v, seed 1: %q, want %q", c.program, c.early, got, c.want)
		}
	}
	if c := Lookups(planted("lockputter", strategies.Exact, nil)).Make(explore.Program{"Put"}); c.Err == nil {
		t.Error("a program with Put is taken, want an error that names it")
	}
}
