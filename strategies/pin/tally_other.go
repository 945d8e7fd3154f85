//go:build !(linux && amd64) || race

package pin

func addOn(t *Tally, n int64) bool { return pinnedAdd(t, n) }

func pinsBecause() string {
	if !Plain {
		return "words are atomic here"
	}
	return "only tried on linux/amd64"
}
