module github.com/refbench/refbench/fuzz/gofuzzcorpus

go 1.26.0

require github.com/dvyukov/go-fuzz-corpus v0.0.0-20190920191254-c42c1b2914c7
