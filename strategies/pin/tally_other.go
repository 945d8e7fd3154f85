//go:build !(linux && amd64) || race

package pin

// Add adds n on the word of the P that the caller runs on, and reports whether it did: not if the
// mode isn't 0, nor on a P without a word.
func Add(t *Tally, n int64) bool { return pinnedAdd(t, n) }

func pinsBecause() string {
	if !Plain {
		return "words are atomic here"
	}
	return "only tried on linux/amd64"
}
