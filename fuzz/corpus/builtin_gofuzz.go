//go:build gofuzz

package corpus

// libFuzzer calls a target anew for each input, and gets the committed ones as seeds:
// so they aren't in what is built for it, always with this tag.

func Targets() []string { return nil }

func Builtin(target string) [][]byte { return nil }
