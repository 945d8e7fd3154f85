package bench

// cellsPerControl is how many cells there are for each control cell, so that control
// costs a tenth of a run at most.
const cellsPerControl = 10

// Controls returns control cells for a run of the given cells: twins of one in ten of
// them, or of the first if there are fewer and at least one is asked for. A control cell
// is measured as its twin is, in the same rounds. How far the medians of the two lie apart
// is how far two cells of the run may lie apart by chance. Cells whose workers share CPUs
// have none, since their speed means nothing.
func (m *Machine) Controls(cells []Cell, atLeastOne bool) []Cell {
	var own []Cell
	for _, c := range cells {
		if !m.crowded(c.CPUs) {
			own = append(own, c)
		}
	}
	n := len(own) / cellsPerControl
	if n == 0 && atLeastOne && len(own) > 0 {
		n = 1
	}
	controls := make([]Cell, n)
	for i := range controls {
		// Cells stand in an order in which strategies take turns: the step is one
		// that doesn't lead to the same again and again.
		controls[i] = own[i*cellsPerControl+i%cellsPerControl]
		controls[i].Control = true
	}
	return controls
}
