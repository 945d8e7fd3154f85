package draw

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// TestNothingOverlaps: long names leave room for the values, texts end before the next
// lane begins, and no line goes through a text.
func TestNothingOverlaps(t *testing.T) {
	const name = "the_count_of_references_of_the_object_that_is_in_the_table"
	p := &Picture{Title: "title", Rule: "rule", CPUs: 8, Threads: 8, Preempted: map[int]bool{3: true}}
	for i := range 16 {
		p.Events = append(p.Events, engine.Event{
			Step: i + 1, Thread: i % 8, CPU: i * 3 % 8, Kind: engine.OpAdd, Where: name, File: "a_long_name_of_a_file.go", Line: 1000 + i,
			Func: "example.org/count.Get", Old: 10, New: 11,
		})
	}
	p.Events = append(p.Events, engine.Event{Step: 17, Thread: 7, CPU: 2, Kind: engine.OpNote, Text: strings.Repeat("a long remark ", 10)})
	p.Events = append(p.Events, engine.Event{Step: 18, Thread: 7, CPU: 6, Kind: engine.OpAdd, Where: name, Old: 1, New: 2}) // it has migrated
	var b strings.Builder
	if err := HTML(&b, p); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if !strings.Contains(page, "10 -&gt; 11</text>") {
		t.Error("values aren't shown")
	}
	type box struct{ left, top, right, bottom float64 }
	number := func(s string) float64 {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	var texts []box
	for _, m := range regexp.MustCompile(`<text class="(src|)" x="(\d+)" y="(\d+)">([^<]*)</text>`).FindAllStringSubmatch(page, -1) {
		size := 13.0
		if m[1] == "src" {
			size = 11
		}
		x, y := number(m[2]), number(m[3])
		n := float64(len([]rune(strings.NewReplacer("&gt;", ">", "&amp;", "&").Replace(m[4]))))
		// 0.602 em is how wide a character of the common monospaced fonts is.
		box := box{x, y - 0.7*size, x + n*size*0.602, y + 0.1*size}
		if lane := math.Floor((x - leftMargin) / laneWidth); box.right > leftMargin+(lane+1)*laneWidth {
			t.Errorf("%q ends at %.0f, in the next lane", m[4], box.right)
		}
		texts = append(texts, box)
	}
	if want := 2*16 + 2; len(texts) != want {
		t.Fatalf("%d texts, want %d", len(texts), want)
	}
	cross := func(what string, x1, y1, x2, y2 float64) {
		t.Helper()
		for _, r := range texts {
			// Points along the line: it may be slanted.
			for i := range 101 {
				f := float64(i) / 100
				if x, y := x1+f*(x2-x1), y1+f*(y2-y1); x > r.left && x < r.right && y > r.top && y < r.bottom {
					t.Errorf("%s goes through the text at %.0f, %.0f", what, r.left, r.bottom)
					break
				}
			}
		}
	}
	paths := regexp.MustCompile(`<path d="M(\d+) (\d+) V(\d+) H(\d+) V(\d+)"`).FindAllStringSubmatch(page, -1)
	for _, m := range paths {
		x1, y1, mid, x2, y2 := number(m[1]), number(m[2]), number(m[3]), number(m[4]), number(m[5])
		cross(m[0], x1, y1, x1, mid)
		cross(m[0], x1, mid, x2, mid)
		cross(m[0], x2, mid, x2, y2)
	}
	for _, m := range regexp.MustCompile(`<path d="M(\d+) (\d+) L(\d+) (\d+)"`).FindAllStringSubmatch(page, -1) {
		cross(m[0], number(m[1]), number(m[2]), number(m[3]), number(m[4]))
	}
	if want := 17; len(paths) != want {
		t.Errorf("%d lines to another lane, want %d", len(paths), want)
	}
}
