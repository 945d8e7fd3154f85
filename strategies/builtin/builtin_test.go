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

func TestCallersMayChangeTheList(t *testing.T) {
	builtin.All()[0] = nil
	if builtin.All()[0] == nil {
		t.Error("one caller's change shows in the next caller's list")
	}
}
