//go:build !linux || !(amd64 || arm64) || race

package section

import (
	"runtime"

	"github.com/refbench/refbench/strategies/pin"
)

func choose() decision {
	switch {
	case raceDetector:
		return decision{why: "the race detector doesn't see assembly"}
	case runtime.GOOS != "linux":
		return decision{why: runtime.GOOS + " has no restartable sequences"}
	}
	return decision{why: "no section is written for " + runtime.GOARCH}
}

// Add adds n on the word of the P that the caller runs on, and reports whether it did: not if
// the words are closed, nor on a P without a word.
func Add(w *Words, n int64) bool { return pinned(w, n) }

// cut returns when nobody adds who saw an older tag.
func cut() { pin.Wait() }
