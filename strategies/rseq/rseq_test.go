package rseq_test

import (
	"testing"

	"github.com/refbench/refbench/strategies/rseq"
	"github.com/refbench/refbench/strategies/strategytest"
)

func Test(t *testing.T)         { strategytest.Run(t, rseq.Strategy) }
func Fuzz(f *testing.F)         { strategytest.Fuzz(f, rseq.Strategy) }
func BenchmarkRef(b *testing.B) { strategytest.Benchmark(b, rseq.Strategy) }
