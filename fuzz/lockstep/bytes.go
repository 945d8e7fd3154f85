package lockstep

import "github.com/refbench/refbench/fuzz/program"

// bounds are the largest programs of RunBytes. A fuzz engine makes many small inputs
// in the time of one large one, and they find the same: counts begin near their
// limits.
var bounds = program.Bounds{Objects: 2, Threads: 2, Steps: 16}

// Starts is how many programs RunBytes runs.
const Starts = 4

// RunBytes is Run for the program that the bytes hold, and for three more that differ
// in how counts begin: those that began near their limit begin with one reference, and
// the others near their limit; and with each of both, those that began in shared mode
// don't, and the others do. The engine's share of the time is spent only once for all
// four.
//
// The bytes hold no program larger than two objects, two threads and 16 steps.
func (r *Runner) RunBytes(data []byte) *Divergence {
	p := &r.decoded
	bounds.Decode(p, data)
	for i := range Starts {
		start(p, i)
		if d := r.Run(p); d != nil {
			return d
		}
	}
	return nil
}

// Inputs returns the programs that [Runner.RunBytes] runs for the bytes, and how many of
// the bytes it reads.
func Inputs(data []byte) (programs [Starts]program.Program, read int) {
	var p program.Program
	rest := bounds.Decode(&p, data)
	for i := range programs {
		start(&p, i)
		programs[i] = p.Clone()
	}
	return programs, len(data) - len(rest)
}

// start makes p the i-th of the programs that RunBytes runs. It is the one before.
func start(p *program.Program, i int) {
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
}
