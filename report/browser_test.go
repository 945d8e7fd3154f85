package report

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
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

// A visit is what a browser says of a page.
type visit struct {
	mu       sync.Mutex
	requests []string
	errors   []string
	Facts    pageFacts
	Shot     []byte
}

type pageFacts struct {
	Title      string
	Scroll     int // width of the page, in CSS pixels
	Width      int // width of the window
	Plots      []plotBox
	SmallText  float64 // the smallest text in a plot, in CSS pixels
	Unnamed    int     // plots without a name for screen readers
	BadHeads   int     // table heads without a scope
	Background string
	Ink        string // colour of text in plots
	Markup     int    // elements that only a hostile file can have made
}

type plotBox struct{ Width, Height float64 }

const factsScript = `(() => {
  const svgs = [...document.querySelectorAll('figure svg')];
  const texts = [...document.querySelectorAll('figure svg text')];
  return {
    Title: document.title,
    Scroll: document.documentElement.scrollWidth,
    Width: window.innerWidth,
    Plots: svgs.map(s => { const r = s.getBoundingClientRect(); return {Width: r.width, Height: r.height}; }),
    SmallText: Math.min(...texts.map(t => t.getBoundingClientRect().height), 1000),
    Unnamed: svgs.filter(s => s.getAttribute('role') !== 'img' || !s.getAttribute('aria-label')).length,
    BadHeads: [...document.querySelectorAll('th')].filter(h => !h.getAttribute('scope')).length,
    Background: getComputedStyle(document.body).backgroundColor,
    Ink: texts.length ? getComputedStyle(texts[0]).fill : '',
    Markup: document.querySelectorAll('script, img, iframe, object, form, b, marquee').length,
  };
})()`

// timeout is how long a browser may take for a page: a hundred times what it does.
const timeout = 3 * time.Minute

// browse opens a page in a headless browser.
func browse(t *testing.T, path string, width int64, dark, script bool) *visit {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(timeout)) // the first start reads 300 MB from the disk
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	ctx, cancel = chromedp.NewExecAllocator(ctx, opts...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
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
	scheme := "light"
	if dark {
		scheme = "dark"
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
	_, err = chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !script})
	must(err)
	_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	must(err)
	must(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate((&url.URL{Scheme: "file", Path: abs}).String())))
	v.Shot, err = chromedp.Run(ctx, chromedp.FullScreenshot(100))
	must(err)
	// The page's own scripts stay off; this one is the test's.
	_, err = chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: false})
	must(err)
	v.Facts, err = chromedp.Run(ctx, chromedp.Evaluate[pageFacts](factsScript))
	must(err)
	if dir := os.Getenv("REFBENCH_SCREENSHOTS"); dir != "" {
		name := fmt.Sprintf("%s-%d-%s.png", strings.ReplaceAll(t.Name(), "/", "-"), width, scheme)
		if err := os.WriteFile(filepath.Join(dir, name), v.Shot, 0o666); err != nil {
			t.Fatal(err)
		}
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
		if p.Width < 300 || p.Height < 200 {
			t.Errorf("plot %d is %.0f by %.0f pixels: too small to be read", i, p.Width, p.Height)
		}
	}
	if plots > 0 && f.SmallText < 8 {
		t.Errorf("text in plots is %.1f pixels high", f.SmallText)
	}
	if f.Scroll > f.Width {
		t.Errorf("the page is %d pixels wide in a window of %d", f.Scroll, f.Width)
	}
	if f.Unnamed > 0 || f.BadHeads > 0 {
		t.Errorf("%d plots without a name, %d table heads without a scope", f.Unnamed, f.BadHeads)
	}
	if f.Markup > 0 {
		t.Errorf("%d elements that the page doesn't make itself", f.Markup)
	}
	if img, err := png.Decode(bytes.NewReader(v.Shot)); err != nil || img.Bounds().Dy() < 900 {
		t.Errorf("screenshot: %v, %v", img.Bounds(), err)
	}
}

func TestPageInBrowser(t *testing.T) {
	chromium(t)
	dir := t.TempDir()
	path, err := Write(dir, readTestdata(t, "old.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name         string
		width        int64
		dark, script bool
	}{
		{"wide light", 1280, false, true},
		{"wide dark", 1280, true, true},
		{"narrow", 400, false, true},
		{"without JavaScript", 1280, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := browse(t, path, tt.width, tt.dark, tt.script)
			v.check(t, 6)
			if light := v.Facts.Background == "rgb(246, 248, 250)"; light == tt.dark {
				t.Errorf("dark is %v and the background %s", tt.dark, v.Facts.Background)
			}
			if light := v.Facts.Ink == "rgb(36, 41, 47)"; light == tt.dark {
				t.Errorf("dark is %v and the ink of plots %s", tt.dark, v.Facts.Ink)
			}
		})
	}
}

// Everything in a result file is untrusted: the page shows it and doesn't run it.
func TestHostileFileInBrowser(t *testing.T) {
	chromium(t)
	evil := `</title></style><img/src=x/onerror=console.log(1)><script>console.log(2)</script><b>"'{{.}}`
	evil = strings.ReplaceAll(evil, " ", "")
	name := strings.ReplaceAll(evil, "/", "∕") // a slash ends a key of a name
	s := readBytes(t, []byte("cpu: "+evil+"\npromise-"+strings.ToLower(name)+": "+evil+"=1\nunsupported-x-y: "+evil+"\n"+evil+"\n"+
		fmt.Sprintf("BenchmarkRef/workload=%s/cpus=1/strategy=%s-2 1000 1 ns/op 1 ops/s 1 violations 5 %s\n", name, name, evil)+
		fmt.Sprintf("BenchmarkRef/workload=%s/cpus=1/strategy=%s2-2 1000 1 ns/op 1 ops/s 1 violations 5 %s\n", name, name, evil)))
	s.Paths = []string{evil + ".txt"}
	path, err := Write(t.TempDir(), s)
	if err != nil {
		t.Fatal(err)
	}
	browse(t, path, 1280, false, true).check(t, 2)
}

// The checks above see what they are for.
func TestBrowserChecksAreChecked(t *testing.T) {
	chromium(t)
	for name, body := range map[string]string{
		"console error":   `<script>console.error("x")</script>`,
		"exception":       `<script>throw 1</script>`,
		"outside request": `<img src="http://127.0.0.1:9/x.png">`,
		"invisible plot":  `<figure><svg role="img" aria-label="x" width="0" height="0"></svg></figure>`,
		"wide page":       `<div style="width:3000px">x</div>`,
		"head":            `<table><tr><th>x</th></tr></table>`,
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, PageName)
		if err := os.WriteFile(path, []byte(`<!DOCTYPE html><link rel="icon" href="data:,"><title>refbench report</title>`+body), 0o666); err != nil {
			t.Fatal(err)
		}
		v := browse(t, path, 1280, false, true)
		outside := strings.Contains(strings.Join(v.requests, " "), "http://127.0.0.1:9/")
		if len(v.errors) == 0 && !outside && v.Facts.Scroll <= v.Facts.Width && v.Facts.BadHeads == 0 &&
			(len(v.Facts.Plots) == 0 || v.Facts.Plots[0].Width > 300) {
			t.Errorf("%s: nothing is seen: %+v", name, v.Facts)
		}
	}
}
