package lockstep

import "github.com/refbench/refbench/fuzz/program"

// Input returns the program that [Runner.RunBytes] runs for the bytes, and how many of
// them it reads.
func Input(data []byte) (p program.Program, read int) {
	rest := bounds.Decode(&p, data)
	return p, len(data) - len(rest)
}
