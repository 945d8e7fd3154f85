package engine

// A Decision is where a schedule differs from the default: that the running
// thread goes on while it can, stays on its CPU, and takes the first of several
// ways to go on.
type Decision struct {
	Step   int
	Choice uint8 // thread, CPU or way
	Of     Decided
	// Preempts says that the thread at the point could have gone on. It is
	// set by recording and ignored by Guided.
	Preempts bool
}

// Decided says what a decision is of.
type Decided uint8

// What there is to decide. The numbers are in tokens.
const (
	OfThread Decided = iota // who goes on
	OfCPU                   // where the running thread goes on
	OfWay                   // which way: the case of a select
)

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
func (g *Guided) Pick(e *Engine, candidates uint64, cur int) (int, int) {
	if c := g.take(e.base, OfThread); c >= 0 {
		return c, 0
	}
	return e.Default(e.enabled(), cur), 0
}

// take returns what was decided at the step, -1 if nothing was.
func (g *Guided) take(step int, of Decided) int {
	for g.next < len(g.Decisions) && g.Decisions[g.next].Step < step {
		g.next++ // it was for a step that no longer has a choice
	}
	if g.next < len(g.Decisions) {
		if d := g.Decisions[g.next]; d.Step == step && d.Of == of {
			g.next++
			return int(d.Choice)
		}
	}
	return -1
}

// PickCPU returns the recorded CPU.
func (g *Guided) PickCPU(e *Engine, mask uint64, cur int) int {
	if c := g.take(e.Step(), OfCPU); c >= 0 {
		return c
	}
	return defaultCPU(mask, cur)
}

// PickWay returns the recorded way.
func (g *Guided) PickWay(e *Engine, n int) int { return max(g.take(e.Step(), OfWay), 0) }
