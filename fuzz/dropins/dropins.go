// Package dropins has below it the drop-ins of refbench's own packages for exploring,
// beside those of package explore for the standard library, and says what replaces
// what.
package dropins

import (
	"maps"
	"slices"
)

const module = "github.com/refbench/refbench/"

// Replace returns the drop-in of each package that has one: gen.Options.Replace for code
// that uses refbench.
func Replace() map[string]string {
	return map[string]string{
		module + "strategies/pin":     module + "fuzz/dropins/pin",
		module + "strategies/section": module + "fuzz/dropins/section",
	}
}

// Paths returns the drop-ins, in order: explore.Scenario.DropIns for such code.
func Paths() []string { return slices.Sorted(maps.Values(Replace())) }
