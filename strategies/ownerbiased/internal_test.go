package ownerbiased

import (
	"testing"

	"github.com/refbench/refbench/strategies/pin"
)

// While the owner counts, shared isn't written. When it drops its last the two are merged, and
// only then.
func TestOwnerLeavesSharedAlone(t *testing.T) {
	var c Count
	pin.Pin() // so that the operations are the owner's, which is the P of Init
	c.InitAt(2)
	owner := c.owner.Load()
	c.Get()
	tried := c.TryGet()
	put := false
	for range 3 {
		put = put || c.Put()
	}
	shared, who := c.shared.Load(), c.owner.Load()
	last := c.Put()
	pin.Unpin()
	if !tried || put || shared != 0 || who != owner {
		t.Errorf("TryGet %v, Put was the last: %v, shared %d, owner %d of %d; want true, false, 0 and the same", tried, put, shared, who, owner)
	}
	if n := c.shared.Load(); !last || n != merged || c.owner.Load() != nobody {
		t.Errorf("the owner's last Put reports %v and leaves shared at %d, want true and merged without references", last, n)
	}
}

// A life that begins on another P than the first is merged from the start.
func TestAnotherHome(t *testing.T) {
	c := Count{home: int32(pin.CPUs()) + 1}
	c.InitAt(3)
	if n := c.shared.Load(); n != 3*one|merged || c.owner.Load() != nobody || c.Count() != 3 {
		t.Errorf("shared is %d, want 3 references, merged", n)
	}
}

// Somebody else's drop merges if the owner has taken what it drops, and no sooner.
func TestMergedOnDemand(t *testing.T) {
	var c Count
	c.InitAt(3)
	c.owner.Store(int32(pin.CPUs()) + 1) // so nobody here is the owner
	c.Get()
	if c.Put() || c.shared.Load() != 0 {
		t.Errorf("shared is %d after a Get and a Put beside the owner, want 0", c.shared.Load())
	}
	if c.Put() || c.shared.Load() != 2*one|merged {
		t.Errorf("shared is %d after a Put of what the owner has taken, want 2 references, merged", c.shared.Load())
	}
}
