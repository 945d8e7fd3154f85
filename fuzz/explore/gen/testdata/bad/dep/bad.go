package bad

import "github.com/refbench/refbench/fuzz/explore/gen/testdata/src/poller"

var _ poller.Poller
