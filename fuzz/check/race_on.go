//go:build race

package check

// RaceEnabled reports whether this program is built with -race.
const RaceEnabled = true
