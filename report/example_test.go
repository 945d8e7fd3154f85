package report_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/refbench/refbench/report"
)

// Result lines of another program, read and put in words.
func Example() {
	var file strings.Builder
	fmt.Fprintln(&file, "Unit ns/op better=lower")
	fmt.Fprintln(&file, "Unit violations better=lower assume=exact")
	for i := range 10 {
		fmt.Fprintf(&file, "BenchmarkRef/workload=getput/cpus=2/strategy=atomic-2 1000000 %d ns/op 0 violations\n", 30+i%2)
		fmt.Fprintf(&file, "BenchmarkRef/workload=getput/cpus=2/strategy=percpu-2 1000000 %d ns/op 0 violations\n", 3)
	}
	set, err := report.ReadFrom("results.txt", strings.NewReader(file.String()), report.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range set.Findings() {
		if f.Table != nil {
			fmt.Print(f.Table.Text, ": ")
		}
		fmt.Println(f.Text)
	}
	// Output:
	// no violation by atomic in 1e7 checked operations: fewer than 3 per 10^7, with 95 % confidence if operations are independent
	// no violation by percpu in 1e7 checked operations: fewer than 3 per 10^7, with 95 % confidence if operations are independent
	// getput: at 2 CPUs, percpu is the fastest: 3.000 ns per operation, 10.2× as fast as atomic, the next
}
