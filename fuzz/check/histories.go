package check

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/refbench/refbench/fuzz/linear"
	"github.com/refbench/refbench/strategies"
)

// histories returns the check. The CPUs' counters are compared once, not for each
// strategy.
func histories() Check {
	clock := sync.OnceValue(linear.NewClock)
	return Check{
		Name: "histories", Doc: "linearizability of histories recorded on real threads", Weight: 5,
		Threads: true, Shaken: true, Timed: true,
		Unsupported: func(s Subject) string {
			if why := usesAlone(s); why != "" {
				return why
			}
			return linear.Unsupported(s.Strategy, clients(s.Strategy))
		},
		Run: func(ctx context.Context, s Subject, b Budget) Result { return recorded(ctx, s, b, clock()) },
	}
}

// clients is how many goroutines use the counts of recorded histories at once.
func clients(s *strategies.Strategy) int {
	n := 4
	for n > 1 && linear.Unsupported(s, n) != "" {
		n--
	}
	return n
}

func recorded(ctx context.Context, s Subject, b Budget, clock *linear.Clock) Result {
	x, err := linear.Stress(ctx, s.Strategy, linear.Config{
		Clients: clients(s.Strategy), Time: max(b.Time, time.Millisecond), Seed: b.realSeed(), Clock: clock, Timeout: b.timeout(),
	})
	var r Result
	switch {
	case err != nil:
		r.unknown("%v", err)
	case x.Hang != nil:
		r.hang("", x.Hang, Finding{})
		for i := range r.Findings {
			r.Findings[i].What = x.Reason
		}
	case x.Class == linear.Illegal:
		f := Finding{What: x.Reason}
		if x.History != nil {
			f.Attachments = append(f.Attachments, Attachment{".history", true, x.History.WriteText})
		}
		if x.Segment != nil {
			f.Detail = x.Segment.String()
			f.Attachments = append(f.Attachments, Attachment{".html", false, func(w io.Writer) error { return x.Segment.WriteHTML(w, 5*time.Second) }})
		}
		r.broken(f)
	case x.Class == linear.Unknown:
		r.unknown("%d calls are not decided: %s", x.Unknown, x.Reason)
	case x.Met == 0:
		r.unknown("no call met another: the CPUs were busy with something else, or there is only one")
	}
	// A call that meets no other can't go wrong by it.
	r.tried(uint64(x.Met), "calls that met another")
	r.tried(uint64(x.Ops), "calls")
	r.tried(uint64(x.Lives), "lives")
	if x.Unjudged > 0 {
		r.note("%d reads that are promised to be approximate were not judged, as calls went on meanwhile", x.Unjudged)
	}
	if x.Clock != "" {
		r.note("stamps: %s", x.Clock)
	}
	return r
}
