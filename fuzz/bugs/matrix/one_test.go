package matrix
import ("testing";"fmt";"os";"github.com/refbench/refbench/fuzz/explore")
func TestOne(t *testing.T) {
	for _, e := range Builtin() {
		if e.Native.Name != os.Getenv("BUG") { continue }
		ss, _ := e.Subject(os.Getenv("TWIN") != "").Scenarios()
		if p := os.Getenv("P"); p != "" { ss[0].Program = explore.ParseProgram(p) }
		for _, b := range []int{1,2,3,4} {
		r, err := explore.Explore(ss[0], explore.Options{Search: explore.Search(os.Getenv("S")), Bound: b, Executions: 300000})
		if err != nil { t.Fatal(err) }
		fmt.Println(b, r.Executions, r.Complete, r.Failure)
		if r.Failure != nil { fmt.Println(r.Failure.Text()); break }
		}
	}
}
