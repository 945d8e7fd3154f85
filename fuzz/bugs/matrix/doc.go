// Package matrix runs the planted bugs and their twins through the oracles and says
// which of them finds which bug, after how many executions and seconds, and how few
// preemptions it takes: the mutation score of the oracles themselves.
package matrix
