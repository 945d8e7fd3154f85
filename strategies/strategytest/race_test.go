//go:build race

package strategytest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/rules"
	"github.com/refbench/refbench/strategies"
)

// An unordered count is a plain number that the race detector isn't shown: to
// the detector its operations order nothing, as those of a count whose Put
// doesn't synchronize before the last.
type unordered struct{ n int }

func (c *unordered) promise(strategies.Promise) {}

//go:norace
func (c *unordered) Init() { c.n = 1 }

//go:norace
func (c *unordered) Get() { c.n++ }

//go:norace
func (c *unordered) TryGet() bool {
	if c.n == 0 {
		return false
	}
	c.n++
	return true
}

//go:norace
func (c *unordered) Put() bool {
	c.n--
	return c.n == 0
}

//go:norace
func (c *unordered) Kill() bool { return c.Put() }

const unorderedVariable = "REFBENCH_TEST_UNORDERED"

// A report of the race detector fails the process that it is about, so the count
// runs in another one: this test again.
func TestRaceDetectorSeesMissingOrder(t *testing.T) {
	if os.Getenv(unorderedVariable) != "" {
		s := strategy("unordered", saturates(), func() counter { return new(unordered) })
		for seed := range uint64(50) {
			// It loses updates too, and then ends with an error. What
			// counts is the report.
			_ = check(t, "order before the last Put", s, rules.Config{Seed: seed, Short: true})
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRaceDetectorSeesMissingOrder$", "-test.count=1")
	cmd.Env = append(os.Environ(), unorderedVariable+"=1", "GORACE=halt_on_error=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "DATA RACE") || !strings.Contains(string(out), "driver.(*thread).release") {
		t.Errorf("the race detector didn't report what the last Put releases, with a count that orders nothing (%v):\n%.2000s", err, out)
	}
}
