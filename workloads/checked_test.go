package workloads_test

import (
	"sync"
	"testing"

	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/workloads"
)

// Two workers take and drop references to one object in the checked form: the
// dearest case, since every change of the shadow moves a cache line.
func BenchmarkCheckedGetPut(b *testing.B) {
	for _, s := range builtin.All() {
		b.Run(s.Name, func(b *testing.B) {
			inst, err := workloads.GetPut.Start(workloads.GetPut.New, workloads.Config{Workers: 2, Checked: true, NewCounter: s.New})
			if err != nil {
				b.Fatal(err)
			}
			var wg sync.WaitGroup
			b.ResetTimer()
			for w := range 2 {
				wg.Go(func() { inst.Work(w, b.N/2+1) })
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpairs/s")
			if err := inst.Close().Err(); err != nil {
				b.Error(err)
			}
		})
	}
}
