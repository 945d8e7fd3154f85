package owned_test

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/owned"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, owned.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, owned.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, owned.Strategy) }

// What actors count while Kill comes is counted, wherever it is dropped: the last one of all
// is told so, and nobody else, life after life of the same memory.
func TestKillMeetsActors(t *testing.T) {
	lives := 20_000
	if testing.Short() {
		lives = 2000
	}
	const actors = 4 // of whom some have no word, on few CPUs
	var c owned.Count
	for life := range lives {
		c.InitAt(1 + actors)
		var lasts, inside atomic.Int64
		inside.Store(actors)
		var wg sync.WaitGroup
		begun := make(chan struct{}, actors)
		put := func(actor int) {
			inside.Add(-1)
			if strategies.PutAs(&c, actor) {
				// Whoever has dropped before has counted itself out before that.
				if n := inside.Load(); n != 0 {
					t.Errorf("life %d: actor %d is told of the last while %d are held", life, actor, n)
				}
				lasts.Add(1)
			}
		}
		for a := range actors {
			wg.Go(func() {
				begun <- struct{}{}
				for i := range 1 + (life+a)%7 {
					inside.Add(1)
					strategies.GetAs(&c, a+1)
					if i%2 == 0 && strategies.TryGetAs(&c, a+1) {
						inside.Add(1)
						put(0) // by nobody
					}
					put(a + 1)
				}
				put(a + 1)
			})
		}
		<-begun
		for range life % 50 {
			runtime.Gosched()
		}
		if c.Kill() {
			if n := inside.Load(); n != 0 {
				t.Errorf("life %d: Kill is told of the last while %d are held", life, n)
			}
			lasts.Add(1)
		}
		wg.Wait()
		if n := lasts.Load(); n != 1 || c.Count() != 0 || strategies.TryGetAs(&c, 1) {
			t.Fatalf("life %d: %d were told of the last, %d references are left, want 1 and none", life, n, c.Count())
		}
	}
}

func TestSecondKillPanics(t *testing.T) {
	var c owned.Count
	c.Init()
	c.Get()
	c.Kill()
	defer func() {
		if recover() == nil || c.Count() != 1 {
			t.Errorf("a second Kill doesn't panic, or leaves %d references, want 1", c.Count())
		}
	}()
	c.Kill()
}

// What actors do is inlined: a call would cost more than all the rest.
func TestWhatActorsDoIsInlined(t *testing.T) {
	cmd := exec.Command("go", "build", "-gcflags=-m", ".")
	cmd.Env = append(os.Environ(), "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go build -gcflags=-m: %v\n%s", err, out)
	}
	for _, name := range []string{"TakeAs", "DropAs"} {
		if !bytes.Contains(out, []byte("can inline (*Count)."+name)) {
			t.Errorf("%s isn't inlined any more", name)
		}
	}
}
