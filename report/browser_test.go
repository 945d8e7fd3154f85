package report

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium returns the path of a browser. Where REFBENCH_CHROMIUM is "required" its
// absence is a failure.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("REFBENCH_CHROMIUM") == "required" {
		t.Fatal("REFBENCH_CHROMIUM=required, but there is no chromium in PATH: install it")
	}
	t.Skip("no chromium in PATH: the page isn't tested in a browser")
	return ""
}

// A view is how a page is looked at.
type view struct {
	width, height int64
	dark, script  bool
	print         bool
	axe           bool // is asked, too
}

func (v view) String() string {
	words := []string{fmt.Sprintf("%dx%d", v.width, v.height)}
	for word, is := range map[string]bool{"dark": v.dark, "printed": v.print, "no script": !v.script} {
		if is {
			words = append(words, word)
		}
	}
	slices.Sort(words[1:])
	return strings.Join(words, ", ")
}

// A visit is what a browser says of a page.
type visit struct {
	mu       sync.Mutex
	requests []string
	errors   []string
	Facts    pageFacts
	Axe      []axeViolation
	Sheets   int // of paper
}

type pageFacts struct {
	Title      string
	Scroll     int       // width of the page, in CSS pixels
	Width      int       // width of the window
	Plots      []plotBox // that are seen
	SmallText  float64   // the smallest text in a plot, in CSS pixels
	Unnamed    int       // plots without a name for screen readers
	BadHeads   int       // table heads without a scope
	Background string
	Ink        string   // colour of text in plots
	Markup     int      // elements that only a hostile file can have made
	Outside    []string // texts that stand out of the window, and can't be scrolled into it
	Overlaps   []string // texts in plots that hide each other
	Answers    []answer // of the first screen
	Elements   int
}

type plotBox struct{ Width, Height float64 }

// An answer is where one of the questions of the first screen is answered.
type answer struct {
	What   string
	Bottom float64
}

type axeViolation struct {
	ID, Help string
	Where    []string
}

// Texts are compared a little smaller than their boxes are, which have room above and below.
const factsScript = `(() => {
  const seen = e => e.checkVisibility();
  const svgs = [...document.querySelectorAll('figure svg[role=img]')].filter(seen);
  const texts = [...document.querySelectorAll('figure svg text')].filter(seen);
  const overlaps = [];
  for (const s of svgs) {
    const boxes = [...s.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
    boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
      if (p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 4 && q.top < p.bottom - 4) overlaps.push(a + ' / ' + b);
    }));
  }
  const outside = [];
  for (const e of document.querySelectorAll('p, li, dt, dd, h1, h2, h3, td, th, label, figcaption, figure text, summary, button')) {
    if (!seen(e) || e.closest('.scroll, pre, nav')) continue;
    const r = e.getBoundingClientRect();
    if (r.left < -1 || r.right > window.innerWidth + 1 || e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0) outside.push(e.textContent.slice(0, 40));
  }
  return {
    Title: document.title,
    Scroll: document.documentElement.scrollWidth,
    Width: window.innerWidth,
    Plots: svgs.map(s => { const r = s.getBoundingClientRect(); return {Width: r.width, Height: r.height}; }),
    SmallText: Math.min(...texts.map(t => t.getBoundingClientRect().height), 1000),
    Unnamed: svgs.filter(s => !s.getAttribute('aria-label')).length,
    BadHeads: [...document.querySelectorAll('th')].filter(h => !h.getAttribute('scope')).length,
    Background: getComputedStyle(document.body).backgroundColor,
    Ink: texts.length ? getComputedStyle(texts[0]).fill : '',
    Markup: document.querySelectorAll('script, img, iframe, object, form + form, b, marquee').length,
    Outside: outside.slice(0, 5), Overlaps: overlaps.slice(0, 5),
    Answers: [...document.querySelectorAll('#overview dl.short dd, #overview table.heat')].map(e => ({What: e.textContent.trim().slice(0, 30), Bottom: e.getBoundingClientRect().bottom})),
    Elements: document.querySelectorAll('*').length,
  };
})()`

// timeout is how long a browser may take for a page: a hundred times what it does.
const timeout = 3 * time.Minute

// A browser is a headless one, for several visits.
type browser struct {
	ctx context.Context
	axe string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(timeout)) // the first start reads 300 MB from the disk
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join("testdata", "axe", "axe.min.js.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	axe, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{ctx, string(axe)}
}

// visit opens a page in a tab of its own.
func (b *browser) visit(t *testing.T, path string, how view) *visit {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, timeout)
	defer cancel()

	v := new(visit)
	note := func(list *[]string, format string, args ...any) {
		v.mu.Lock()
		defer v.mu.Unlock()
		*list = append(*list, fmt.Sprintf(format, args...))
	}
	if err := chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *network.EventRequestWillBeSent:
			note(&v.requests, "%s", ev.Request.URL)
		case *network.EventLoadingFailed:
			note(&v.errors, "failed request: %s", ev.ErrorText)
		case *runtime.EventExceptionThrown:
			note(&v.errors, "exception: %s", ev.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			note(&v.errors, "console: %s", ev.Type)
		case *cdplog.EventEntryAdded:
			note(&v.errors, "log: %s: %s", ev.Entry.Level, ev.Entry.Text)
		}
	}); err != nil {
		t.Fatal(err)
	}
	scheme, media := "light", "screen"
	if how.dark {
		scheme = "dark"
	}
	if how.print {
		media = "print"
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	must(err)
	_, err = chromedp.Call(ctx, cdplog.Enable, cdp.Empty{})
	must(err)
	_, err = chromedp.Call(ctx, runtime.Enable, cdp.Empty{})
	must(err)
	_, err = chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !how.script})
	must(err)
	_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	must(err)
	must(chromedp.Do(ctx, chromedp.EmulateViewport(how.width, how.height), chromedp.Navigate((&url.URL{Scheme: "file", Path: abs}).String())))
	// The page's own scripts stay off; these are the test's.
	_, err = chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: false})
	must(err)
	v.Facts, err = chromedp.Run(ctx, chromedp.Evaluate[pageFacts](factsScript))
	must(err)
	if how.print {
		pdf, err := chromedp.Call(ctx, cdppage.PrintToPDF, cdppage.PrintToPDFParams{PaperWidth: 8.27, PaperHeight: 11.69}) // A4
		must(err)
		v.Sheets = len(regexp.MustCompile(`/Type\s*/Page\b`).FindAll(pdf.Data, -1))
	}
	if dir := os.Getenv("REFBENCH_SCREENSHOTS"); dir != "" { // to be looked at
		shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		must(err)
		name := strings.ReplaceAll(t.Name(), "/", "-") + ".png"
		if err := os.WriteFile(filepath.Join(dir, name), shot, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if how.axe {
		// The page's policy allows no script; this one is not in the page.
		_, err = chromedp.Run(ctx, chromedp.Evaluate[bool](b.axe+";true"))
		must(err)
		found, err := chromedp.Run(ctx, chromedp.Evaluate[string](`axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(
			r.violations.map(v => ({ID: v.id, Help: v.help, Where: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + ' ' + n.failureSummary)}))))`, chromedp.EvalAwaitPromise))
		must(err)
		must(json.Unmarshal([]byte(found), &v.Axe))
	}
	return v
}

func (v *visit) check(t *testing.T, plots int) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, e := range v.errors {
		t.Errorf("the browser says: %s", e)
	}
	for _, r := range v.requests {
		if !strings.HasPrefix(r, "file://") && !strings.HasPrefix(r, "data:") || strings.HasPrefix(r, "file://") && !strings.HasSuffix(r, PageName) {
			t.Errorf("the page asks for %s", r)
		}
	}
	f := v.Facts
	if f.Title != "refbench report" {
		t.Errorf("title is %q", f.Title)
	}
	if len(f.Plots) != plots {
		t.Errorf("%d plots on the page, want %d", len(f.Plots), plots)
	}
	for i, p := range f.Plots {
		if p.Width < 300 || p.Height < 150 {
			t.Errorf("plot %d is %.0f by %.0f pixels: too small to be read", i, p.Width, p.Height)
		}
	}
	if plots > 0 && f.SmallText < 8 {
		t.Errorf("text in plots is %.1f pixels high", f.SmallText)
	}
	if f.Scroll > f.Width {
		t.Errorf("the page is %d pixels wide in a window of %d", f.Scroll, f.Width)
	}
	for _, text := range f.Outside {
		t.Errorf("%q has no room where it stands", text)
	}
	for _, pair := range f.Overlaps {
		t.Errorf("these hide each other in a plot: %s", pair)
	}
	if f.Unnamed > 0 || f.BadHeads > 0 {
		t.Errorf("%d plots without a name, %d table heads without a scope", f.Unnamed, f.BadHeads)
	}
	if f.Markup > 0 {
		t.Errorf("%d elements that the page doesn't make itself", f.Markup)
	}
	for _, x := range v.Axe {
		t.Errorf("axe-core: %s: %s: %q", x.ID, x.Help, x.Where)
	}
}

// firstScreen fails if a question isn't answered on the first screen.
func (v *visit) firstScreen(t *testing.T, height int64) {
	t.Helper()
	if len(v.Facts.Answers) < 5 {
		t.Errorf("the first screen answers %+v, want whether anything is wrong, which is fastest, on what, how far it can be trusted, and the map", v.Facts.Answers)
	}
	for _, a := range v.Facts.Answers {
		if a.Bottom > float64(height) {
			t.Errorf("%q ends %.0f pixels down, below the first screen of %d", a.What, a.Bottom, height)
		}
	}
}

func written(t *testing.T, s *Set) string {
	t.Helper()
	s.plotted = min(s.plotted, len(s.Tables))
	path := filepath.Join(t.TempDir(), PageName)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := writePage(f, s, sections()); err != nil {
		t.Fatal(err)
	}
	return path
}

// workloadNames and strategyNames are as many as refbench has.
func workloadNames() []string {
	return strings.Fields("buffers churn dentry dstcache getput handoff inetpeer ipvsdest listmutex listrcu listtryget pid2proc pnode unmount")
}

func strategyNames() []string {
	return strings.Fields("atomic saturating percpu lockperatomic biased refcountfull freebsd evenodd sticky mutexed lockref drained rundown refusing freezable rcuref fileref fdmutex arc akaros")
}

// defaultRun is what refbench measures if nothing is chosen, on 2 CPUs that others used as well:
// eight strategies, two reference points, samples excluded in each cell.
func defaultRun() []byte {
	g := machine(1, 1, 2)
	g.workloads, g.strategies = workloadNames(), strings.Fields("atomic saturating percpu lockperatomic biased mutexed lockref rcuref")
	points := g
	points.workloads, points.strategies = []string{"getput"}, []string{"nop", "plain"}
	var b bytes.Buffer
	b.WriteString("baseline-nop: the loop alone\nbaseline-plain: a number without atomic operations\n")
	for i, l := range strings.SplitAfter(string(g.bytes()), "\n") {
		if strings.HasPrefix(l, "Benchmark") && i*i%7 == 1 {
			l = strings.Replace(l, "\t0 shared", "\t1 shared", 1)
		}
		b.WriteString(l)
	}
	for l := range strings.SplitAfterSeq(string(points.bytes()), "\n") {
		if strings.HasPrefix(l, "Benchmark") {
			b.WriteString(l)
		}
	}
	return b.Bytes()
}

func TestPageInBrowser(t *testing.T) {
	b := newBrowser(t)
	quick := defaultRun()
	many := machine(1, 1, 2, 4, 8, 16, 32, 64, 128)
	many.workloads, many.strategies, many.samples = workloadNames()[:2], strategyNames(), 6
	knobs := machine(2, 1, 2, 4)
	knobs.workloads = []string{"getput/hold=0", "getput/hold=20", "getput/hold=100"}
	nights := machine(1, 1, 2, 4)
	nights.samples = 6
	history := nightly(t, nights, steady(30, 18, 1.07), Options{})
	history.plotted = maxPlotted
	forty := synthetic{seed: 1, workloads: workloadNames()[:2], cpus: []int{1}, samples: 1}
	for i := range 40 {
		forty.strategies = append(forty.strategies, fmt.Sprintf("strategy%d", i))
	}
	bad := strings.ReplaceAll(string(forty.bytes()), "\t0 violations", "\t5 violations") // one sample a cell, one CPU count, all wrong
	wide, phone, paper := view{width: 1300, height: 900, script: true}, view{width: 390, height: 844, script: true}, view{width: 760, height: 1000, print: true}
	axe := func(v view, dark bool) view {
		v.axe, v.dark = true, dark
		return v
	}
	for _, tt := range []struct {
		name   string
		set    *Set
		plots  int
		sheets int
		first  bool
		views  []view
	}{
		{"old", readTestdata(t, "old.txt"), 3, 5, false, []view{axe(wide, false), axe(wide, true), axe(phone, false), paper}},
		{"quick run", readBytes(t, quick), 14, 12, true, []view{wide, phone, paper}},
		{"many strategies", readBytes(t, many.bytes()), 0, 20, false, []view{wide, axe(phone, true), paper}},
		{"history", history, 12, 8, false, []view{axe(phone, true), paper}},
		{"bad", readBytes(t, []byte(bad)), 0, 9, false, []view{phone}},
		{"knobs", readBytes(t, knobs.bytes()), 3, 5, false, []view{axe(phone, false)}},
	} {
		path := written(t, tt.set)
		for _, how := range tt.views {
			t.Run(fmt.Sprintf("%s/%s", tt.name, how), func(t *testing.T) {
				v := b.visit(t, path, how)
				v.check(t, tt.plots)
				if tt.first && !how.print {
					v.firstScreen(t, how.height)
				}
				t.Logf("%d elements, %d pages of paper", v.Facts.Elements, v.Sheets)
				if v.Sheets > tt.sheets {
					t.Errorf("printed it has %d pages, want at most %d", v.Sheets, tt.sheets)
				}
				if light := v.Facts.Background != "rgb(13, 17, 23)"; light == how.dark {
					t.Errorf("dark is %v and the background %s", how.dark, v.Facts.Background)
				}
				if light := v.Facts.Ink == "rgb(36, 41, 47)"; tt.plots > 0 && light == how.dark {
					t.Errorf("dark is %v and the ink of plots %s", how.dark, v.Facts.Ink)
				}
			})
		}
	}
}

// A control of a page of all strategies, workloads and eight numbers of CPUs answers in less
// than 100 ms. What is measured is the CPU time of the thread that a page has: it hardly
// depends on what else the machine does. Each control is tried several times, for the best.
func TestControlsAreQuick(t *testing.T) {
	g := machine(1, 1, 2, 4, 8, 16, 32, 64, 128)
	g.workloads, g.strategies, g.samples = workloadNames(), strategyNames(), 6
	path := written(t, readBytes(t, g.bytes()))
	b := newBrowser(t)
	ctx, cancel := chromedp.NewContext(b.ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := chromedp.Call(ctx, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	if err == nil {
		err = chromedp.Do(ctx, chromedp.EmulateViewport(1300, 900), chromedp.Navigate((&url.URL{Scheme: "file", Path: path}).String()))
	}
	if err != nil {
		t.Fatal(err)
	}
	busy := func() time.Duration {
		t.Helper()
		r, err := chromedp.Call(ctx, performance.GetMetrics, cdp.Empty{})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(r.Metrics, func(m *performance.Metric) bool { return m.Name == "TaskDuration" })
		if i < 0 {
			t.Fatal("the browser doesn't say how long its tasks take")
		}
		return time.Duration(r.Metrics[i].Value * float64(time.Second))
	}
	// Until what was asked for has been drawn.
	do := func(what string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](what+`; new Promise(r => requestAnimationFrame(() => setTimeout(() => requestAnimationFrame(() => setTimeout(() => r(true), 0)), 0)))`, chromedp.EvalAwaitPromise)); err != nil {
			t.Fatal(err)
		}
	}
	do(`document.getElementById('workloads').scrollIntoView()`)
	best := make(map[string]time.Duration)
	controls := []string{"one", "linear", "each", "minis", "log", "total", "c3"}
	for range 4 {
		for _, id := range controls {
			do("true") // what is left of the one before
			before := busy()
			do("document.getElementById('" + id + "').click()")
			if took := busy() - before; best[id] == 0 || took < best[id] {
				best[id] = took
			}
		}
	}
	for _, id := range controls {
		t.Logf("%s: %v", id, best[id].Round(time.Millisecond))
		if best[id] > 100*time.Millisecond {
			t.Errorf("the control %s takes %v, want at most 100 ms", id, best[id])
		}
	}
}

// Everything in a result file is untrusted: the page shows it and doesn't run it.
func TestHostileFileInBrowser(t *testing.T) {
	b := newBrowser(t)
	evil := `</title></style><img/src=x/onerror=console.log(1)><script>console.log(2)</script><b>"'{{.}}`
	evil = strings.ReplaceAll(evil, " ", "")
	name := strings.ReplaceAll(evil, "/", "∕") // a slash ends a key of a name
	s := readBytes(t, []byte("cpu: "+evil+"\npromise-"+strings.ToLower(name)+": "+evil+"=1\nunsupported-x-y: "+evil+"\n"+evil+"\n"+
		fmt.Sprintf("BenchmarkRef/workload=%s/cpus=1/strategy=%s-2 1000 1 ns/op 1 ops/s 1 violations 5 %s\n", name, name, evil)+
		fmt.Sprintf("BenchmarkRef/workload=%s/cpus=1/strategy=%s2-2 1000 1 ns/op 1 ops/s 1 violations 5 %s\n", name, name, evil)))
	s.Paths = []string{evil + ".txt"}
	b.visit(t, written(t, s), view{width: 1280, height: 900, script: true, axe: true}).check(t, 1)
}

// The checks above see what they are for.
func TestBrowserChecksAreChecked(t *testing.T) {
	b := newBrowser(t)
	for name, body := range map[string]string{
		"console error":   `<script>console.error("x")</script>`,
		"exception":       `<script>throw 1</script>`,
		"outside request": `<img src="http://127.0.0.1:9/x.png">`,
		"invisible plot":  `<figure><svg role="img" aria-label="x" width="1" height="1"></svg></figure>`,
		"wide page":       `<div style="width:3000px">x</div>`,
		"cut":             `<div style="width:10px;overflow:hidden"><p style="overflow:hidden">incomprehensible</p></div>`,
		"overlap":         `<figure><svg role="img" aria-label="x" width="400" height="300"><text x="10" y="20">one</text><text x="15" y="22">two</text></svg></figure>`,
		"head":            `<table><tr><th>x</th></tr></table>`,
		"axe":             `<p style="color:#aaa;background:#fff">pale</p>`,
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, PageName)
		if err := os.WriteFile(path, []byte(`<!DOCTYPE html><html lang="en"><link rel="icon" href="data:,"><title>refbench report</title><main><h1>x</h1>`+body), 0o666); err != nil {
			t.Fatal(err)
		}
		v := b.visit(t, path, view{width: 1280, height: 900, script: true, axe: name == "axe"})
		outside := strings.Contains(strings.Join(v.requests, " "), "http://127.0.0.1:9/")
		f := v.Facts
		if len(v.errors) == 0 && !outside && f.Scroll <= f.Width && f.BadHeads == 0 && len(f.Outside) == 0 && len(f.Overlaps) == 0 && len(v.Axe) == 0 &&
			(len(f.Plots) == 0 || f.Plots[0].Width > 300) {
			t.Errorf("%s: nothing is seen: %+v", name, v.Facts)
		}
	}
}
