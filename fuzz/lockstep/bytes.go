package lockstep

import (
	"iter"

	"github.com/refbench/refbench/fuzz/program"
)

// bounds are the largest programs of RunBytes. A fuzz engine makes many small inputs
// in the time of one large one, and they find the same: counts begin near their
// limits.
var bounds = program.Bounds{Objects: 2, Threads: 2, Steps: 16}

// RunBytes is Run for the program that the bytes hold, and for three more that differ
// in how counts begin: those that began near their limit begin with one reference, and
// the others near their limit; and with each of both, those that began in shared mode
// don't, and the others do. The engine's share of the time is spent only once for all
// four.
//
// The bytes hold no program larger than two objects, two threads and 16 steps.
func (r *Runner) RunBytes(data []byte) *Divergence {
	programs, _ := Inputs(&r.decoded, data)
	for p := range programs {
		if d := r.Run(p); d != nil {
			return d
		}
	}
	return nil
}

// Inputs returns the programs that [Runner.RunBytes] runs for the bytes, one after the
// other in the memory of p, and the bytes that it doesn't read.
func Inputs(p *program.Program, data []byte) (programs iter.Seq[*program.Program], rest []byte) {
	rest = bounds.Decode(p, data)
	return func(yield func(*program.Program) bool) {
		for i := range 4 {
			for j := range p.Objects {
				o := &p.Objects[j]
				switch {
				case i == 2:
					o.Atomic = !o.Atomic
				case i > 0 && o.Start == program.StartNear:
					*o = program.Object{Atomic: o.Atomic}
				case i > 0:
					o.Start = program.StartNear
				}
			}
			if !yield(p) {
				return
			}
		}
	}, rest
}
