package bad

import "github.com/refbench/refbench/fuzz/explore/gen/testdata/replace/wired"

var _ = wired.Move
