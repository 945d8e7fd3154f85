package matrix
import ("testing";"time";"fmt";"context";"github.com/refbench/refbench/fuzz/check";"os";"strings")
func TestTry(t *testing.T) {
	only := os.Getenv("CHECKS")
	for _, e := range Builtin() {
		if o := os.Getenv("BUG"); o != "" && !strings.Contains(","+o+",", ","+e.Native.Name+",") { continue }
		var ks []check.Check
		for _, k := range check.All() { if only == "" || strings.Contains(only, k.Name) { ks = append(ks, k) } }
		row, err := Run(context.Background(), e, ks, Budget{Budget: check.Budget{Time: 500*time.Millisecond, Seed: 1}})
		line := fmt.Sprintf("%-15s", e.Native.Name)
		for _, c := range row.Cells {
			x := string(c.State)
			if c.State == Found { x = fmt.Sprintf("%d %.3f", c.Bug.Tried[0].N, c.Bug.Findings[0].Seconds) }
			if c.State == Blind || c.State == Unavailable { x = "-" }
			if c.State == Missed && c.Sure { x = "MISSED" }
			if c.Twin != nil && c.Twin.Verdict != check.Kept { x += "/" + string(c.Twin.Verdict) }
			line += fmt.Sprintf(" %-16s", x)
		}
		fmt.Println(line, row.Preemptions, err)
		for _, p := range row.Problems() { fmt.Println("   PROBLEM", p) }
		if os.Getenv("V") != "" { for _, c := range row.Cells { if c.Bug != nil { w := c.Bug.Reason; if len(c.Bug.Findings)>0 {w = c.Bug.Findings[0].What}; fmt.Println("    ", c.Check, c.Bug.Verdict, w) }; if c.Twin != nil && c.Twin.Verdict != check.Kept { fmt.Println("     TWIN", c.Check, c.Twin.Verdict, c.Twin.Reason) } }
		if row.Failure != nil { fmt.Println(row.Failure.Program) } }
	}
}
