package main

// A group is source that is changed, and the tests that ought to see it.
type group struct {
	name string
	// dirs are folders of the source, files of whose packages are changed: not of
	// the folders in them.
	dirs []string
	n    int // changes drawn
	// gen says that refbench generates from it.
	gen bool
	// tests are run one after the other until one fails: the quickest first.
	tests []test
}

// A test is packages, and which of their tests are run, all of them if it says
// nothing.
type test struct {
	packages string
	run      string
}

var groups = []group{
	{
		name: "strategies", n: 60, gen: true,
		dirs: []string{"strategies/atomic", "strategies/saturating", "strategies/percpu", "strategies/lockperatomic"},
		tests: []test{
			{packages: "./strategies/atomic"}, {packages: "./strategies/saturating"}, {packages: "./strategies/lockperatomic"},
			{packages: "./strategies/percpu"}, {packages: "./fuzz/rules"}, {packages: "./fuzz/lockstep"},
			{packages: "./fuzz/scenarios"}, {packages: "./fuzz/check"}, {packages: "./workloads"},
		},
	},
	{
		name: "specification, judge, rendezvous, watchdog", n: 50,
		dirs: []string{"strategies/spec", "strategies/judge", "strategies/rendezvous", "strategies/watchdog"},
		tests: []test{
			{packages: "./strategies/spec"}, {packages: "./strategies/judge"}, {packages: "./strategies/rendezvous"},
			{packages: "./strategies/watchdog"}, {packages: "./fuzz/rules"}, {packages: "./fuzz/lockstep"},
			{packages: "./fuzz/linear"}, {packages: "./fuzz/driver"}, {packages: "./fuzz/stress"},
			{packages: "./fuzz/bugs/matrix"}, {packages: "./workloads/arena"},
		},
	},
	{
		name: "oracles", n: 60,
		dirs: []string{"fuzz/program", "fuzz/driver", "fuzz/lockstep", "fuzz/linear", "fuzz/rules", "fuzz/stress", "fuzz/scenarios"},
		tests: []test{
			{packages: "./fuzz/program"}, {packages: "./fuzz/driver"}, {packages: "./fuzz/lockstep"},
			{packages: "./fuzz/linear"}, {packages: "./fuzz/rules"}, {packages: "./fuzz/stress"},
			{packages: "./fuzz/scenarios"}, {packages: "./fuzz"}, {packages: "./fuzz/bugs/matrix"}, {packages: "./fuzz/check"},
		},
	},
	{
		name: "engine and search", n: 50,
		dirs: []string{"fuzz/explore/internal/engine", "fuzz/explore/internal/search", "fuzz/explore/sync", "fuzz/explore/sync/atomic"},
		tests: []test{
			{packages: "./fuzz/explore/internal/..."}, {packages: "./fuzz/explore/sync/..."}, {packages: "./fuzz/explore"},
			{packages: "./fuzz/explore/channel ./fuzz/explore/context ./fuzz/explore/time"}, {packages: "./fuzz/scenarios"},
			{packages: "./fuzz/explore/gen"},
		},
	},
	{
		name: "arena and books", n: 25,
		dirs: []string{"workloads/arena"},
		tests: []test{
			{packages: "./workloads/arena"}, {packages: "./workloads"}, {packages: "./fuzz/bugs/matrix"},
		},
	},
	{
		name: "statistics", n: 40,
		dirs: []string{"report"},
		tests: []test{
			{packages: "./report"}, {packages: "./cmd/refbench/cli"}, {packages: "./cmd/refbench", run: "TestScripts"},
		},
	},
	{
		name: "command and measuring", n: 40,
		dirs: []string{"cmd/refbench/cli", "workloads/bench"},
		tests: []test{
			{packages: "./workloads/bench"}, {packages: "./cmd/refbench/cli"}, {packages: "./cmd/refbench", run: "TestScripts|Kill|Hang"},
		},
	},
}
