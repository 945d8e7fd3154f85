package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/refbench/refbench/workloads/bench"
)

// progress shows a run on stderr: a bar on a terminal, else some lines. It
// draws only when it is told something, between samples, because a goroutine
// that draws by itself would disturb what is measured.
type progress struct {
	w        io.Writer
	terminal bool
	bar      *progressbar.ProgressBar

	samples int
	shown   int // tenths of the run that a line was printed for
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

func (p *progress) Begin(samples, cells, rounds int, length bench.Length, estimate time.Duration) {
	p.samples = samples
	fmt.Fprintf(p.w, "%s x %s of %v each: this takes about %s\n",
		plural(cells, "cell"), plural(rounds, "round"), length.Timed, rough(max(estimate, 100*time.Millisecond)))
	if p.terminal {
		p.bar = progressbar.NewOptions(samples,
			progressbar.OptionSetWriter(p.w),
			progressbar.OptionSetDescription("measuring"),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(false), // Done is told the time left
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionClearOnFinish(),
		)
	}
}

func (p *progress) Done(samples int, left time.Duration) {
	if p.bar != nil {
		p.bar.Describe("measuring, " + rough(left) + " left")
		_ = p.bar.Set(samples) // a terminal that is gone stops no run
		return
	}
	if tenth := samples * 10 / max(p.samples, 1); tenth > p.shown {
		p.shown = tenth
		fmt.Fprintf(p.w, "%d of %s, %s left\n", samples, plural(p.samples, "sample"), rough(left))
	}
}

func (p *progress) Warn(text string) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintf(p.w, "refbench: %s\n", text)
}

// end takes the bar off the terminal.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// rough prints a time as precisely as an estimate deserves.
func rough(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < 10*time.Minute:
		return d.Round(time.Second).String()
	}
	return d.Round(time.Minute).String()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
