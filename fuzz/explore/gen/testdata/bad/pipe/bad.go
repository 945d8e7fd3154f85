package bad

import "io"

var R, W = io.Pipe()
