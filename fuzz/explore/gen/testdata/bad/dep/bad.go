package bad

import "github.com/refbench/refbench/strategies"

var _ strategies.Monitor
