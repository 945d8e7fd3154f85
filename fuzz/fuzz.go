// Package fuzz holds the native fuzz targets of refbench. Each takes one []byte:
//
//	FuzzSequential    op programs, four to an input, on every strategy in lockstep,
//	                  call by call, against the specification and each other
//	FuzzStress        an op program on goroutines, each strategy in turn
//	FuzzProgramBytes  the byte form of op programs
//	FuzzProgramText   the text form of op programs
//	FuzzToken         replay tokens
//	FuzzHistory       history files
//	FuzzCorpusFile    files of a corpus
//	FuzzExplored      an op program under the deterministic scheduler
//
// Result files have theirs in package report, since an engine's cost for each input grows
// with the code that is linked into the test, and files of shards in package shard.
//
// To fuzz one:
//
//	go test -fuzz FuzzSequential -fuzztime 1m ./fuzz
//
// Plain go test runs each on its committed corpus in testdata/fuzz.
package fuzz
