package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/refbench/refbench/report/changepoint"
)

// nightly writes a result file for each date, measured at the speed of that date relative
// to the first, each at a commit of its own, and returns the set of all.
func nightly(t *testing.T, g synthetic, speeds []float64, o Options) *Set {
	t.Helper()
	dir := t.TempDir()
	runs := make(map[string][]FileRun)
	var paths []string
	for i, speed := range speeds {
		g.seed, g.commit, g.speed = uint64(i+1), fmt.Sprintf("c%02d", i), speed
		path := filepath.Join(dir, fmt.Sprintf("%02d.txt", i))
		if err := os.WriteFile(path, g.bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
		runs[path] = []FileRun{{Started: firstNight().AddDate(0, 0, i)}}
	}
	// The order in which files are given is not that of the dates.
	for i := range len(paths) / 2 {
		paths[i], paths[len(paths)-1-i] = paths[len(paths)-1-i], paths[i]
	}
	o.Runs = func(path string) []FileRun { return runs[path] }
	s, err := Read(paths, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func firstNight() time.Time { return time.Date(2026, 10, 1, 2, 30, 0, 0, time.UTC) }

// steady returns n times 1, and from a place on another speed.
func steady(n, from int, then float64) []float64 {
	speeds := make([]float64, n)
	for i := range speeds {
		if speeds[i] = 1; i >= from {
			speeds[i] = then
		}
	}
	return speeds
}

// Several dates are a history: the tables have the latest alone, each point is of one date, and
// a planted step is found at its date in each series and nowhere else.
func TestHistoryFindsAStepAtItsDate(t *testing.T) {
	g := machine(1, 1, 2)
	g.samples = 6
	for _, tt := range []struct{ step float64 }{{1}, {1.05}, {0.92}} {
		s := nightly(t, g, steady(16, 9, tt.step), Options{})
		cells := len(g.workloads) * len(g.cpus) * len(g.strategies)
		if len(s.Cells()) != cells || len(s.History) != cells {
			t.Fatalf("%d cells and %d histories, want %d of both", len(s.Cells()), len(s.History), cells)
		}
		for _, c := range s.Cells() {
			if c.Samples != g.samples || c.Date.Commit != "c15" {
				t.Errorf("%s has %d samples of commit %s, want %d of c15", c.Key(), c.Samples, c.Date.Commit, g.samples)
			}
		}
		for _, h := range s.History {
			if len(h.Points) != 16 {
				t.Errorf("%s has %d points, want 16", h.Key(), len(h.Points))
			}
			for i, c := range h.Points {
				if want := firstNight().AddDate(0, 0, i); !c.Date.Started.Equal(want) || c.Samples != g.samples {
					t.Errorf("point %d of %s is of %v with %d samples, want %v with %d", i, h.Key(), c.Date.Started, c.Samples, want, g.samples)
				}
			}
			switch {
			case tt.step == 1 && len(h.Steps) > 0:
				t.Errorf("%s changes at %+v, want nowhere", h.Key(), h.Steps)
			case tt.step == 1:
			case len(h.Steps) != 1 || h.Steps[0].At != 9:
				t.Errorf("a step to %v: %s changes at %+v, want at 9", tt.step, h.Key(), h.Steps)
			case h.Steps[0].Ratio < tt.step-0.02 || h.Steps[0].Ratio > tt.step+0.02:
				t.Errorf("a step to %v: %s changes by %v", tt.step, h.Key(), h.Steps[0].Ratio)
			}
		}
		line := s.historyLine()
		if want := map[bool]string{true: "History: 16 dates since 2026-10-01; 0 change points in 24 series (chance: 0.2).", false: "History: 16 dates since 2026-10-01; 24 change points in 24 series (chance: 0.2)."}[tt.step == 1]; line != want {
			t.Errorf("a step to %v: %q, want %q", tt.step, line, want)
		}
	}
}

// Screen, text, JSON, page, CSV and files show a change point with its date and what else
// changed then.
func TestHistoryIsInEachForm(t *testing.T) {
	g := machine(1, 1, 2)
	g.workloads, g.strategies, g.samples = g.workloads[:1], g.strategies[:2], 6
	s := nightly(t, g, steady(12, 6, 1.1), Options{})
	forms := map[string]string{"screen": "", "text": "", "markdown": ""}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"screen": func(b *bytes.Buffer) error { return Screen(b, s) }, "text": func(b *bytes.Buffer) error { return Text(b, s) },
		"markdown": func(b *bytes.Buffer) error { return WriteAs(b, s, FormMarkdown) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		forms[name] = b.String()
		if !strings.Contains(b.String(), "History: 12 dates since 2026-10-01; 4 change points in 4 series") {
			t.Errorf("%s has no history:\n%s", name, b.String())
		}
	}
	for name, want := range map[string]string{
		"screen": `getput, . CPUs?, (atomic|saturating): (9\.\d|10|11) % slower from 2026-10-07 on`,
		"text":   `\n    2026-10-07: (9\.\d|10|11) % slower \(p 0\.00\d+\): commit c05 → c06\n`,
	} {
		if !regexp.MustCompile(want).MatchString(forms[name]) {
			t.Errorf("%s has no %s:\n%s", name, want, forms[name])
		}
	}
	if !strings.Contains(forms["screen"], "commit c11, 2026-10-12\n") {
		t.Errorf("the screen doesn't name the latest date:\n%s", forms["screen"])
	}
	if n := strings.Count(forms["screen"], "\n"); n > ScreenLines {
		t.Errorf("the screen has %d lines", n)
	}

	var text bytes.Buffer
	if err := JSON(&text, s); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		History []struct {
			Strategy string
			Points   []struct{ Date, Commit string }
			Steps    []struct {
				Point   int
				Besides string
			} `json:"change_points"`
		}
	}
	if err := json.Unmarshal(text.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if h := doc.History; len(h) != 4 || len(h[0].Points) != 12 || h[0].Points[11].Date != "2026-10-12T02:30:00Z" || len(h[0].Steps) != 1 || h[0].Steps[0].Point != 6 || h[0].Steps[0].Besides != "commit c05 → c06" {
		t.Errorf("the history in JSON is %+v", h)
	}

	page := pageOf(t, s)
	for _, want := range []string{`<a href="#history">History</a>`, `<path class="s" d="M`, `<td class="l nowrap">2026-10-07</td>`, `<td class="l">commit c05 → c06</td>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	link := regexp.MustCompile(`base64,([^"]+)" download="getput-history.csv"`).FindStringSubmatch(page)
	if link == nil {
		t.Fatal("the page has no history as CSV")
	}
	numbers, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(link[1], "&#43;", "+"))
	if lines := strings.Split(string(numbers), "\n"); err != nil || len(lines) != 1+4*12+1 || !strings.HasPrefix(lines[7], "getput,1,atomic,2026-10-07,c06,") || strings.HasSuffix(lines[7], ",,") {
		t.Errorf("the CSV is %v\n%s", err, numbers)
	}
	dir := t.TempDir()
	if _, err := Write(dir, s); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"getput-1-CPU-history", "getput-2-CPUs-history"} {
		for _, ending := range []string{".svg", ".png"} {
			if info, err := os.Stat(filepath.Join(dir, name+ending)); err != nil || info.Size() < 1000 {
				t.Errorf("%s%s: %v", name, ending, err)
			}
		}
	}
}

// The dates of one file are those of the runs that added to it; commits of one day are told
// apart, and machines. Violations of an earlier date are not forgotten.
func TestDatesAreNotPooled(t *testing.T) {
	ok := "0 violations"
	one := header + "commit: a\n" + samples("a", 1, "3 violations", near(30)...)
	two := samples("a", 1, ok, near(20)...)
	three := "commit: b\n" + samples("a", 1, ok, near(10)...)
	other := "cpu: other\n" + samples("a", 1, ok, near(5)...)
	path := filepath.Join(t.TempDir(), "x.txt")
	if err := os.WriteFile(path, []byte(one+two+three+other), 0o666); err != nil {
		t.Fatal(err)
	}
	day := firstNight()
	runs := func(string) []FileRun {
		return []FileRun{{Started: day.AddDate(0, 0, 1), From: int64(len(one))}, {Started: day, From: int64(len(header))}}
	}
	s, err := Read([]string{path}, Options{Runs: runs})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Cells()) != 2 || len(s.History) != 1 {
		t.Fatalf("%d cells and %d histories, want a cell for each machine, and a history of one", len(s.Cells()), len(s.History))
	}
	var got []string
	for _, c := range s.History[0].Points {
		got = append(got, fmt.Sprintf("%s %s %.0f %v", c.Date.Text, c.Date.Commit, 1e9*s.Time(c).Center, c.Violations/7))
	}
	if want := "2026-10-01 a 30 3, 2026-10-02 02:30 a 20 0, 2026-10-02 02:30 b 10 0"; strings.Join(got, ", ") != want {
		t.Errorf("the history is %s\nwant %s", strings.Join(got, ", "), want)
	}
	if c := s.Cells()[0]; c.Date.Commit != "b" || c.Samples != 7 {
		t.Errorf("the table has %d samples of commit %s, want 7 of b", c.Samples, c.Date.Commit)
	}
	if s.Violations() != 21 || len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "21 violations are of earlier dates") {
		t.Errorf("%v violations, warnings %q: want 21 of an earlier date", s.Violations(), s.Warnings)
	}
	// Whoever makes an axis of commits sees each, of its own latest date.
	s, err = Read([]string{path}, Options{Runs: runs, Column: "/strategy,commit"})
	if err != nil || len(s.Cells()) != 3 {
		t.Errorf("with commits as columns there are %d cells, %v; want 3", len(s.Cells()), err)
	}
	// Without dates all is as it was: one cell a machine.
	if s, err = Read([]string{path}, Options{}); err != nil || len(s.Cells()) != 2 || len(s.History) != 0 || s.Cells()[0].Samples != 21 {
		t.Errorf("without dates: %d cells, %v", len(s.Cells()), err)
	}
}

// What only earlier dates have is in no table, and the report says so.
func TestCellsOfEarlierDatesAlone(t *testing.T) {
	one := header + samples("a", 1, "0 violations", near(10)...) + samples("b", 1, "0 violations", near(10)...)
	path := filepath.Join(t.TempDir(), "x.txt")
	if err := os.WriteFile(path, []byte(one+samples("a", 1, "0 violations", near(11)...)), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := Read([]string{path}, Options{Runs: func(string) []FileRun {
		return []FileRun{{Started: firstNight()}, {Started: firstNight().AddDate(0, 0, 1), From: int64(len(one))}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	const want = "the tables leave out 1 cell that the latest date of its workload doesn't have: read the files one by one"
	if len(s.Cells()) != 1 || len(s.History) != 1 || len(s.Warnings) != 1 || s.Warnings[0] != want {
		t.Errorf("%d cells, %d histories, warnings %q; want 1, 1 and %q", len(s.Cells()), len(s.History), s.Warnings, want)
	}
}

// With fewer dates than can show a change the report says so, and calls none.
func TestFewDatesShowNoChange(t *testing.T) {
	g := machine(1, 1)
	g.workloads, g.samples = g.workloads[:1], 6
	s := nightly(t, g, steady(changepoint.LeastDates-1, 4, 2), Options{})
	if line := s.historyLine(); line != "History: 9 dates since 2026-10-01; a change takes 10 with times." || len(s.steps()) > 0 {
		t.Errorf("%q, %d steps", line, len(s.steps()))
	}
	const few = "<p>No change point is looked for: that takes 10 dates with times, and there are 9.</p>"
	if page := pageOf(t, s); !strings.Contains(page, few) || strings.Contains(page, "No change point.") {
		t.Errorf("the page of 9 dates doesn't say %s, or says that there is no change", few)
	}
}

// What else changed is what did since the last date of the level before: a date between the two
// that has no times to compare may be the one on which it changed. And what can't be searched is in
// no sum of series.
func TestCauseOfAChangeSkipsDatesWithoutTimes(t *testing.T) {
	var text strings.Builder
	var runs []FileRun
	for i := range 12 {
		runs = append(runs, FileRun{Started: firstNight().AddDate(0, 0, i), From: int64(text.Len())})
		kernel, ns, extra := "6.1", 10., "0 violations"
		if i >= 5 {
			kernel = "6.2"
		}
		if i >= 6 {
			ns = 12
		}
		if i == 5 {
			extra = "1 violations"
		}
		fmt.Fprintf(&text, "%scommit: c%02d\nkernel: %s\n", header, i, kernel)
		text.WriteString(samples("a", 1, extra, near(ns)...))
		if i > 5 {
			text.WriteString(samples("b", 1, "0 violations", near(ns)...))
		}
	}
	path := filepath.Join(t.TempDir(), "x.txt")
	if err := os.WriteFile(path, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := Read([]string{path}, Options{Runs: func(string) []FileRun { return runs }})
	if err != nil {
		t.Fatal(err)
	}
	st := s.steps()
	if len(st) != 1 || st[0].At != 6 || st[0].Last != 4 || st[0].cause() != "commit c04 → c06, kernel 6.1 → 6.2" {
		t.Fatalf("%d steps, want one at 6 since 4, commit c04 → c06, kernel 6.1 → 6.2: %v", len(st), st)
	}
	if line, want := s.historyLine(), "History: 12 dates since 2026-10-01; 1 change point in 1 series (chance: 0.01)."; line != want {
		t.Errorf("%q, want %q", line, want)
	}
	if h := s.History[0]; h.Searched != 11 {
		t.Errorf("changes were looked for in %d dates, want 11: one has violations", h.Searched)
	}
	const want = "7 violations are of earlier dates than the latest: see the history"
	if len(s.Warnings) == 0 || s.Warnings[0] != want {
		t.Errorf("warnings %q, want %q", s.Warnings, want)
	}
}

// What a build changes by chance is no step, and steps beside it stay as large as they are.
func TestSmallStepsAreLeftOut(t *testing.T) {
	g := machine(1, 1)
	g.workloads, g.strategies, g.samples = g.workloads[:1], g.strategies[:1], 40
	speeds := append(steady(30, 15, 1.012), steady(15, 0, 1.2)...)
	s := nightly(t, g, speeds, Options{})
	if st := s.steps(); len(st) != 1 || st[0].At != 30 || st[0].Ratio < 1.18 || st[0].Ratio > 1.22 {
		t.Errorf("steps %+v, want one to 1.2 at 30", st)
	}
}

// The axis of a history has few ticks, of round percents, which cover what is drawn.
func TestTicksOfSharesAreFewAndRound(t *testing.T) {
	for _, tt := range []struct {
		lo, hi float64
		want   string // of the labels
	}{
		{0.995, 1.012, "-1% 0 +1% +2%"},
		{0.95, 1.05, "-6% -4% -2% 0 +2% +4% +6%"},
		{1, 1.28, "0 +5% +10% +15% +20% +25% +30%"},
		{0.5, 3, "-50% 0 +50% +100% +150% +200%"},
		{1, 1, "-1% 0 +1%"},
	} {
		ticks, from, to := shareTicks(tt.lo, tt.hi)
		var labels []string
		for _, tick := range ticks {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != tt.want || from > tt.lo || to < tt.hi {
			t.Errorf("%g to %g: ticks %s from %g to %g, want %s", tt.lo, tt.hi, got, from, to, tt.want)
		}
	}
}
