package explore

import (
	"fmt"
	"math"
	"strings"
)

// What a depth-first search has tried when it is through.
const (
	allSchedules     = "all schedules"
	allFairSchedules = "all fair schedules" // see Result.Complete
	withAtMost       = " with at most "     // so many preemptions
)

// Levels of completeness beside numbers of preemptions.
const (
	noLevel    = -1
	everything = math.MaxInt
)

// completed says that all schedules with at most so many preemptions were tried, or the fair
// ones of them, in words that level reads.
func completed(level int, fair bool) string {
	what := allSchedules
	if fair {
		what = allFairSchedules
	}
	switch level {
	case noLevel:
		return ""
	case everything:
		return what
	case 1:
		return what + withAtMost + "1 preemption"
	}
	return fmt.Sprintf("%s%s%d preemptions", what, withAtMost, level)
}

// level returns what completed was told.
func level(complete string) (level int, fair bool) {
	what, bound, bounded := strings.Cut(complete, withAtMost)
	switch {
	case what == "":
		return noLevel, false
	case !bounded:
		level = everything
	default:
		if _, err := fmt.Sscan(bound, &level); err != nil {
			level = noLevel
		}
	}
	return level, what == allFairSchedules
}

// Together says what was tried completely of a scenario all parts of which were tried, and
// whether it is every schedule, from what [Result].Complete says of each of them. Of a part
// with a failure it says nothing.
func Together(parts []string) (complete string, exhaustive bool) {
	most, fair := everything, false
	for _, p := range parts {
		l, f := level(p)
		most, fair = min(most, l), fair || f
	}
	return completed(most, fair), most == everything
}
