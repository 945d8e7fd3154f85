package bad

import "math/rand/v2"

var _ = rand.IntN(3)
