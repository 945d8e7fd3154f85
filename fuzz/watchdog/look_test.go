package watchdog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/watchdog"
	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/atomic"
)

// A waiter waits in some of its operations until the test ends.
type waiter struct {
	atomic.Count
	in  string
	end chan struct{}
}

func (w *waiter) at(op string) {
	if w.in == op {
		<-w.end
	}
}
func (w *waiter) TryGet() bool { w.at("TryGet"); return w.Count.TryGet() }
func (w *waiter) Put() bool    { w.at("Put"); return w.Count.Put() }
func (w *waiter) Kill() bool   { return w.Put() }

// A spinner is a generic count that does the same with a CPU.
type spinner[T any] struct{ *waiter }

func (s spinner[T]) Get() {
	for s.in == "Get" {
		select {
		case <-s.end:
			return
		default:
		}
	}
}

// An outer count has all operations by embedding.
type outer struct{ strategies.Counter }

func TestLookNamesTheCall(t *testing.T) {
	for _, c := range []struct {
		name, in string
		wrap     func(*waiter) strategies.Counter
		call     func(strategies.Counter)
		want     string
	}{
		{"pointer", "TryGet", func(w *waiter) strategies.Counter { return w }, func(c strategies.Counter) { c.TryGet() }, "a call of TryGet doesn't return"},
		{"made of another", "Put", func(w *waiter) strategies.Counter { return w }, func(c strategies.Counter) { c.Kill() }, "a call of Kill doesn't return"},
		{"generic value", "Get", func(w *waiter) strategies.Counter { return spinner[int]{w} }, func(c strategies.Counter) { c.Get() }, "a call of Get doesn't return"},
		{"embedded", "TryGet", func(w *waiter) strategies.Counter { return &outer{w} }, func(c strategies.Counter) { c.TryGet() }, "a call of TryGet doesn't return"},
	} {
		end, ended := make(chan struct{}), make(chan struct{})
		fresh := func() strategies.Counter {
			x := c.wrap(&waiter{in: c.in, end: end})
			x.Init()
			return x
		}
		s := *atomic.Strategy
		s.New = fresh
		x := fresh()
		go func() {
			defer close(ended)
			c.call(x)
		}()
		// The goroutine must have come there, which takes no time.
		calls, stacks := "", ""
		for begin := time.Now(); calls == "" && time.Since(begin) < 10*time.Second; {
			calls, stacks = watchdog.Look(&s, 20*time.Millisecond)
		}
		if calls != c.want || !strings.Contains(stacks, "watchdog_test") || strings.Contains(stacks, "TestLookNames") && strings.Contains(stacks, "tRunner(") {
			t.Errorf("%s: %q, want %q, stacks\n%s", c.name, calls, c.want, stacks)
		}
		// Who looks for another strategy sees nothing.
		if other, all := watchdog.Look(atomic.Strategy, 20*time.Millisecond); c.name != "generic value" && (other != "" || !strings.Contains(all, "TestLookNames")) {
			t.Errorf("%s: %q seen of package atomic", c.name, other)
		}
		close(end)
		<-ended
	}
}

// Whoever looks sees what came from itself.
func TestLookSeesItsOwn(t *testing.T) {
	end, ended, called := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s := *atomic.Strategy
	s.New = func() strategies.Counter { return &waiter{in: "Put", end: end} }
	x := s.New()
	go func() { // This one's child is stuck, and the test's grandchild.
		go func() {
			defer close(ended)
			x.Init()
			close(called)
			x.Put()
		}()
		<-end
	}()
	<-called
	calls := ""
	for begin := time.Now(); calls == "" && time.Since(begin) < 10*time.Second; {
		calls, _ = watchdog.Look(&s, 20*time.Millisecond)
	}
	if calls != "a call of Put doesn't return" {
		t.Errorf("a grandchild's: %q", calls)
	}
	other := make(chan string)
	go func() {
		calls, _ := watchdog.Look(&s, 20*time.Millisecond)
		other <- calls
	}()
	if calls := <-other; calls != "" {
		t.Errorf("another's: %q", calls)
	}
	close(end)
	<-ended
}

// Goroutines that make call after call aren't taken for stuck.
func TestLookLetsTheBusyAlone(t *testing.T) {
	x := atomic.Strategy.New()
	x.Init()
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
				x.Get()
				x.Put()
			}
		}
	}()
	if calls, _ := watchdog.Look(atomic.Strategy, 500*time.Millisecond); calls != "" {
		t.Errorf("%q of a count that is used all the time", calls)
	}
	close(stop)
	<-ended
	if got := watchdog.Hang(time.Millisecond, atomic.Strategy).Line(); got != "not finished after 1ms: no call is seen that doesn't return" {
		t.Errorf("%q", got)
	}
}
