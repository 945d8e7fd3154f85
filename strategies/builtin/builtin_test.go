package builtin_test

import (
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/builtin"
)

func TestListIsValid(t *testing.T) {
	if err := strategies.Validate(builtin.All()); err != nil {
		t.Error(err)
	}
}

// What is measured where nothing is named is there, and in the list's order.
func TestDefaultsAreListed(t *testing.T) {
	next := 0
	for _, s := range builtin.All() {
		if next < len(builtin.Default()) && s.Name == builtin.Default()[next] {
			next++
		}
	}
	if next < len(builtin.Default()) {
		t.Errorf("default %s isn't in the list, or in another order", builtin.Default()[next])
	}
}

func TestCallersMayChangeTheList(t *testing.T) {
	builtin.All()[0] = nil
	if builtin.All()[0] == nil {
		t.Error("one caller's change shows in the next caller's list")
	}
}
