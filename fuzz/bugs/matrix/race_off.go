//go:build !race

package matrix

// RaceEnabled reports whether this program is built with -race.
const RaceEnabled = false
