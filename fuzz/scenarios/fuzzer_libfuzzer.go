//go:build gofuzz

package scenarios

// slowdown: libFuzzer's hooks in every comparison take four fifths of the time or
// more. An input that fails here fails in the native form as well, whose first
// schedules are the same.
const slowdown = 8
