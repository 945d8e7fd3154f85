package report

import (
	"bytes"
	"encoding/json"
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
