package workloads_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/refbench/refbench/workloads"
)

// What lies beside imported files says something about them and isn't read.
func TestLoadBuffersLeavesOutNotices(t *testing.T) {
	dir := files(t, map[string]string{"LICENSE": "terms", "SOURCE": "from", "png/NOTICE.txt": "terms", "png/a": "1", "license": "2"})
	got, err := workloads.LoadBuffers(dir, workloads.BufferLimits{})
	if text := string(bytes.Join(got, []byte("|"))); err != nil || text != "2|1" {
		t.Errorf("contents %q, error %v; want %q", text, err, "2|1")
	}
	_, err = workloads.LoadBuffers(files(t, map[string]string{"LICENSE": "terms"}), workloads.BufferLimits{})
	if err == nil || !strings.Contains(err.Error(), "there are no files in it") {
		t.Errorf("a folder with a licence only: error %v", err)
	}
}

func TestDescribeBuffersTellsContentsApart(t *testing.T) {
	describe := func(contents ...string) string {
		var list [][]byte
		for _, c := range contents {
			list = append(list, []byte(c))
		}
		return workloads.DescribeBuffers(list)
	}
	// printf 'a\nb\n' | sha1sum, with the SHA-1 of a and of bc for a and b.
	const want = "2 files, 3 bytes, sha1 680bcaacfe3c07370e34eae98aeb3e63fe86dc90"
	if got := describe("a", "bc"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := describe("bc", "a"); got != want {
		t.Errorf("in another order: %s, want %s", got, want)
	}
	for _, other := range [][]string{{"ab", "c"}, {"a", "bd"}, {"a", "bc", ""}, {"a", "a", "bc"}} {
		if got := describe(other...); got == want {
			t.Errorf("%q have the description of others", other)
		}
	}
}
