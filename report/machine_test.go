package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// What held on the machine stands on the page and in JSON once, what spoils first, and as
// text whatever it holds.
func TestConditionsOfTheMachineAreShown(t *testing.T) {
	s := readTestdata(t, "old.txt")
	note := Condition{"smt", "note", "4 CPUs are <b>threads</b>\x1b[31m", "they slow each other", ""}
	spoils := Condition{"load", "spoils", "2.5 over the last minute", "", ""}
	for _, c := range []Condition{note, spoils, note, {"turbo", "unknown", "no switch", "", ""}} {
		s.Had(c)
	}
	s.Ran(Run{"2026-11-29 15:42 UTC", "refbench run --seed 7 -o '<b>'"})
	var page, text bytes.Buffer
	if err := writePage(&page, s, sections()); err != nil {
		t.Fatal(err)
	}
	const want = "<h3>What held while it was measured</h3>\n<dl>\n" +
		"<dt>load</dt><dd>spoils: 2.5 over the last minute</dd>\n" +
		"<dt>smt</dt><dd>note: 4 CPUs are &lt;b&gt;threads&lt;/b&gt;\ufffd[31m; they slow each other</dd>\n" +
		"<dt>turbo</dt><dd>unknown: no switch</dd>\n</dl>\n"
	if !strings.Contains(page.String(), want) {
		_, after, _ := strings.Cut(page.String(), `id="machine"`)
		t.Errorf("the page has\n%s\nwant in it\n%s", after[:min(len(after), 3000)], want)
	}
	const again = "# commit 1234abcd\n# measured 2026-11-29 15:42 UTC\nrefbench run --seed 7 -o &#39;&lt;b&gt;&#39;\nrefbench report testdata/old.txt -o report\n"
	if !strings.Contains(page.String(), again) {
		_, after, _ := strings.Cut(page.String(), "To do it again")
		t.Errorf("the page says how to do it again as\n%s\nwant\n%s", after, again)
	}
	if err := JSON(&text, s); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Conditions []struct{ Name, State, Is, Effect string }
	}
	if err := json.Unmarshal(text.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if cs := doc.Conditions; len(cs) != 3 || cs[0].Name != "load" || cs[1].Effect != "they slow each other" || cs[2].State != "unknown" {
		t.Errorf("conditions in JSON: %+v, want load, smt and turbo", cs)
	}
}

// A file to which runs of two commits were added has both, in whatever order: machines with the
// same two don't differ in them.
func TestMachinesDifferInWhatAllRunsSay(t *testing.T) {
	one := "cpu: one\ncpus: 2\n"
	of := func(machine string, commits ...string) string {
		text := machine
		for _, c := range commits {
			text += "commit: " + c + "\n" + line("atomic", 1000, "10 ns/op")
		}
		return text
	}
	two := strings.Replace(one, "one", "two", 1)
	for _, tt := range []struct{ name, text, want string }{
		{"both have both", of(one, "a", "b") + of(two, "b", "a"), ""},
		{"one has one more", of(one, "a", "b") + of(two, "a"), "commit: a or b (machine 1); a (machine 2)"},
	} {
		var got []string
		for _, d := range readBytes(t, []byte(tt.text)).Differences() {
			if d.Key != "cpu" {
				got = append(got, d.line())
			}
		}
		if strings.Join(got, "\n") != tt.want {
			t.Errorf("%s: machines differ in %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A sentence names forty and says how many more there are, be it one; JSON names all.
func TestManyThatTieAreCounted(t *testing.T) {
	for _, n := range []int{maxNamed, maxNamed + 1, maxNamed + 2} {
		var text strings.Builder
		for _, machine := range []string{"cpu: one\n", "cpu: two\n"} {
			text.WriteString(machine)
			for i := range n {
				text.WriteString(samples(fmt.Sprintf("s%02d", i), 1, "", 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21))
			}
			// Slower by so much that the test can tell it, corrected for all pairs.
			text.WriteString(samples("slow", 1, "", 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121))
		}
		s := readBytes(t, []byte(text.String()))
		row := s.Tables[0].Rows[0]
		if got := len(s.Rank(row).Leaders); got != n || s.Rank(row).TooFew {
			t.Fatalf("%d leaders, want %d", got, n)
		}
		sentence := s.fastest(s.Tables[0])[0]
		last := fmt.Sprintf("s38 and s%02d, which are ahead of the rest", n-1)
		if more := n - maxNamed; more > 0 {
			last = fmt.Sprintf("s39 and %d more, which are ahead of the rest", more)
		}
		if !strings.Contains(sentence, last) {
			t.Errorf("%d leaders: %q, want %q in it", n, sentence, last)
		}
		var b bytes.Buffer
		if err := JSON(&b, s); err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Fastest []struct{ Fastest []string } `json:"fastest_by_machine"`
		}
		if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		if len(doc.Fastest) != 2 || len(doc.Fastest[0].Fastest) != n || doc.Fastest[0].Fastest[n-1] != fmt.Sprintf("s%02d", n-1) {
			t.Errorf("JSON names %d as the fastest, want %d", len(doc.Fastest[0].Fastest), n)
		}
	}
}

// However many files say what held and how they were measured, a page has so much of it and no more.
func TestConditionsAndRunsAreBounded(t *testing.T) {
	s := new(Set)
	for i := range maxFacts + 2 {
		s.Had(Condition{Name: fmt.Sprint("load ", i)})
		s.Ran(Run{Command: fmt.Sprint("refbench --seed ", i)})
	}
	if len(s.conditions) != maxFacts || len(s.runs) != maxFacts {
		t.Errorf("%d conditions and %d runs are kept, want %d each", len(s.conditions), len(s.runs), maxFacts)
	}
}
