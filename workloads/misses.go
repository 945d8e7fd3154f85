package workloads

import "runtime"

// Misses counts the operations of a worker that found nothing, one after another:
// what they looked for is dead, and whoever has to take it away or to make another
// may be without a CPU.
type Misses int

// missesMost is how many misses in a row aren't counted as operations. With a right
// count nobody is kept from his work for so long; with a broken one there may be
// nothing left to find, and workers must come to an end all the same.
const missesMost = 1024

// Next counts a miss, gives way every so often, and returns how many operations the
// miss counts as: none, or one if there were very many in a row.
func (m *Misses) Next() int {
	*m++
	if *m%16 == 0 {
		runtime.Gosched()
	}
	if *m > missesMost {
		return 1
	}
	return 0
}

// End says that something was found.
func (m *Misses) End() { *m = 0 }
