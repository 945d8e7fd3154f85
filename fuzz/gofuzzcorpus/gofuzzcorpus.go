// Package gofuzzcorpus pins the files of github.com/dvyukov/go-fuzz-corpus
// (Apache-2.0): some 57,000 inputs that a fuzzer kept for the parsers of Go's
// library and others, which the workload buffers uses as contents.
//
// It is a module of its own, so that nothing else in refbench depends on 46 MB of
// data. The repository has no go.mod and no tags, so only the exact version in
// this module's go.mod can be fetched. Its files can't be embedded from here, but
// the go command knows where they are:
//
//	go list -m -f '{{.Dir}}' github.com/dvyukov/go-fuzz-corpus
//
// "refbench corpus import" does the same with a copy of this module's go.mod and
// go.sum.
package gofuzzcorpus

// Without an import, go mod tidy would drop the requirement.
import _ "github.com/dvyukov/go-fuzz-corpus/fuzz"
