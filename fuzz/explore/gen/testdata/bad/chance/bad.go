package bad

import "hash/maphash"

var Seed = maphash.MakeSeed()
