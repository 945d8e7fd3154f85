package bench

import (
	"testing"
	"time"
)

// A machine that stands still while somebody tries to go on has let it try once, not for so long.
func TestTrialsAreCountedNotOnlyTimed(t *testing.T) {
	const limit = time.Second
	for _, c := range []struct {
		name  string
		step  time.Duration
		tries int
	}{
		{"all the time", limit / 1000, 1001},
		{"beside much else", limit / 10, leastRounds + 1},
		{"an hour's stop before each", time.Hour, leastRounds + 1},
	} {
		var x trial
		now, tries := time.Unix(0, 0), 1
		for ; !x.failed(now, limit); tries++ {
			now = now.Add(c.step)
		}
		if tries != c.tries {
			t.Errorf("%s: given up after %d tries, want %d", c.name, tries, c.tries)
		}
	}
}
