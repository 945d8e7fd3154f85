package main

// A group is source that is changed, and the tests that ought to see it.
type group struct {
	name string
	// dirs are folders of the source, files of whose packages are changed: not of
	// the folders in them.
	dirs []string
	n    int // changes drawn
	// tests are run one after the other until one fails: before them those of the
	// package that is changed.
	tests []test
}

// A test is packages, and which of their tests are run, all of them if it says
// nothing.
type test struct {
	packages string
	run      string
	// long is without -short.
	long bool
	// gen says that they run what is generated from the changed source.
	gen bool
}

// The scripts of the command, by how long they take.
const (
	quickScripts = "ab|advise|badinput|build|check|corpus|corpusfuzz|diskfull|doctor|forms|list|placement|planted|quick|replay|run|streams|usage|writers"
	slowScripts  = "bugs|explore|hang|interrupt|shard|test"
)

var groups = []group{
	{
		name: "strategies", n: 40,
		dirs: []string{
			"strategies/atomic", "strategies/saturating", "strategies/percpu", "strategies/lockperatomic",
			"strategies/mutexed", "strategies/lockref", "strategies/drained", "strategies/rundown",
		},
		tests: []test{
			{packages: "./fuzz ./fuzz/lockstep"}, {packages: "./workloads"}, {packages: "./fuzz/scenarios", gen: true}, {packages: "./fuzz/check", gen: true},
		},
	},
	{
		name: "specification, judge, rendezvous, watchdog", n: 35,
		dirs: []string{"strategies/spec", "strategies/judge", "strategies/rendezvous", "fuzz/watchdog"},
		tests: []test{
			{packages: "./workloads/arena"}, {packages: "./fuzz/lockstep ./fuzz/driver ./fuzz/stress ./fuzz/linear ./fuzz/rules"},
			{packages: "./fuzz/bugs/matrix"}, {packages: "./fuzz/check"},
		},
	},
	{
		name: "oracles", n: 45,
		dirs: []string{"fuzz/program", "fuzz/driver", "fuzz/lockstep", "fuzz/linear", "fuzz/rules", "fuzz/stress", "fuzz/scenarios"},
		tests: []test{
			{packages: "./fuzz ./fuzz/driver ./fuzz/lockstep ./fuzz/stress"}, {packages: "./fuzz/bugs/matrix"}, {packages: "./fuzz/check"},
			{packages: "./fuzz/scenarios"},
		},
	},
	{
		name: "engine and search", n: 35,
		dirs: []string{"fuzz/explore/internal/engine", "fuzz/explore/internal/search", "fuzz/explore/sync", "fuzz/explore/sync/atomic"},
		tests: []test{
			{packages: "./fuzz/explore ./fuzz/explore/internal/..."}, {packages: "./fuzz/explore/gen"}, {packages: "./fuzz/scenarios"},
		},
	},
	{
		name: "arena and books", n: 20,
		dirs: []string{"workloads/arena"},
		tests: []test{
			{packages: "./workloads"}, {packages: "./fuzz/bugs/matrix"},
		},
	},
	{
		name: "statistics", n: 25,
		dirs: []string{"report"},
		tests: []test{
			{packages: "./cmd/refbench/cli"}, {packages: "./cmd/refbench", run: "TestScripts/^(run|quick|forms)$"},
		},
	},
	{
		name: "command and measuring", n: 25,
		dirs: []string{"cmd/refbench/cli", "workloads/bench"},
		tests: []test{
			{packages: "./workloads/bench ./cmd/refbench/cli"},
			// Scripts run side by side, so one that fails doesn't end the others: the quick ones come first.
			{packages: "./cmd/refbench", run: "TestScripts/^(" + quickScripts + ")$"},
			{packages: "./cmd/refbench", run: "TestScripts/^(" + slowScripts + ")$|NoFinished", long: true},
		},
	},
}
