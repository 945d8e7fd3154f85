// Package fuzz holds the native fuzz targets of refbench. Each takes one []byte:
//
//	FuzzSequential    an op program on every strategy in lockstep, call by call,
//	                  against the specification and against each other
//	FuzzStress        an op program on goroutines, each strategy in turn
//	FuzzProgramBytes  the byte form of op programs
//	FuzzProgramText   the text form of op programs
//	FuzzResultFile    result files
//	FuzzToken         replay tokens
//	FuzzHistory       history files
//	FuzzCorpusFile    files of a corpus
//	FuzzExplored      an op program under the deterministic scheduler
//
// To fuzz one:
//
//	go test -fuzz FuzzSequential -fuzztime 1m ./fuzz
//
// Plain go test runs each on its committed corpus in testdata/fuzz.
package fuzz
