package engine

// A Decision is where a schedule differs from the default: that the running
// thread goes on while it can, and stays on its CPU.
type Decision struct {
	Step   int
	Choice uint8 // thread or CPU
	CPU    bool
	// Preempts says that the thread at the point could have gone on. It is
	// set by recording and ignored by Guided.
	Preempts bool
}

// Decisions returns what the search decided in this execution other than the
// default, if the execution was recorded.
func (e *Engine) Decisions() []Decision { return e.rec }

// Guided is a Search that repeats recorded decisions.
type Guided struct {
	Decisions []Decision
	next      int
}

// Reset begins at the first decision again.
func (g *Guided) Reset() { g.next = 0 }

// Left returns how many decisions were not used.
func (g *Guided) Left() int { return len(g.Decisions) - g.next }

// Pick returns the recorded thread.
func (g *Guided) Pick(e *Engine, candidates uint32, cur int) (int, int) {
	step := e.base
	for g.next < len(g.Decisions) && g.Decisions[g.next].Step < step {
		g.next++ // it was for a step that no longer has a choice
	}
	if g.next < len(g.Decisions) {
		d := g.Decisions[g.next]
		if d.Step == step && !d.CPU {
			g.next++
			return int(d.Choice), 0
		}
	}
	return e.Default(e.enabled(), cur), 0
}

// PickCPU returns the recorded CPU.
func (g *Guided) PickCPU(e *Engine, mask uint32, cur int) int {
	for g.next < len(g.Decisions) && g.Decisions[g.next].Step < e.Step() {
		g.next++
	}
	if g.next < len(g.Decisions) {
		if d := g.Decisions[g.next]; d.Step == e.Step() && d.CPU {
			g.next++
			return int(d.Choice)
		}
	}
	return defaultCPU(mask, cur)
}
