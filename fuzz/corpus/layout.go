package corpus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// A Layout is what the files of a libFuzzer corpus hold. A target written for go test
// gets its arguments from libFuzzer's bytes by the tool that built it, and two
// versions of that tool do it in different ways, even if the only argument is a
// []byte.
type Layout string

const (
	// Raw files hold the input itself: those of go-fuzz, and of targets that
	// take libFuzzer's bytes as they are.
	Raw Layout = "raw"

	// V1 files are for go-118-fuzz-build at commit a70c2aa677fa, which .ci/fuzz takes
	// (ossfuzz/README.md says why), and compile_native_go_fuzzer of OSS-Fuzz. Its go-fuzz-headers takes four bytes for the length of a
	// []byte, the most significant first, and uses it modulo the bytes that are
	// left unless it equals them.
	V1 Layout = "v1"

	// V2 files are for branch v2 of go-118-fuzz-build, which
	// compile_native_go_fuzzer_v2 of OSS-Fuzz and ClusterFuzzLite runs. It takes
	// one byte for each argument of variable length, to share out what is left
	// among them: with one argument, the byte means nothing (input/reader.go at
	// commit fc5dc53b9db8).
	V2 Layout = "v2"
)

// Layouts are all of them.
func Layouts() []Layout { return []Layout{Raw, V1, V2} }

// ParseLayout returns the layout of a name.
func ParseLayout(name string) (Layout, error) {
	if l := Layout(name); slices.Contains(Layouts(), l) {
		return l, nil
	}
	return "", fmt.Errorf("unknown layout %q: there are %s, %s, %s", name, Raw, V1, V2)
}

// Encode returns the libFuzzer file for which the target gets the input.
func (l Layout) Encode(data []byte) []byte {
	switch l {
	case V1:
		if len(data) == 0 {
			// Two modulo the one byte that is left: an empty argument.
			return []byte{0, 0, 0, 2, 0}
		}
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...)
	case V2:
		return append([]byte{0}, data...)
	}
	return bytes.Clone(data)
}

// Decode returns the input that the target gets for a libFuzzer file. It is an error
// if the target isn't called for it.
func (l Layout) Decode(file []byte) ([]byte, error) {
	switch l {
	case V1:
		if len(file) < 5 {
			return nil, errors.New("has no more than four bytes, for which a target of layout v1 isn't called")
		}
		rest := file[4:]
		n := binary.BigEndian.Uint32(file)
		if n == 0 {
			n = 30 // what go-fuzz-headers takes instead
		}
		if left := uint32(len(rest)); n != left {
			n %= left
		}
		return rest[:n], nil
	case V2:
		return file[min(1, len(file)):], nil
	}
	return file, nil
}
