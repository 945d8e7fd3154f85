package explore

import "embed"

//go:embed *[^t].go channel/*.go context/*.go cpu/*.go form/*.go pipe/*.go runtime/*.go sync/*.go sync/atomic/*.go
//go:embed time/*.go testing/*.go testing/synctest/*.go net/*.go math/rand/*.go math/rand/v2/*.go crypto/rand/*.go expvar/*.go hash/maphash/*.go os/signal/*.go
//go:embed internal/*/*[^t].go internal/*/*[^s]t.go
var source embed.FS

// Source returns the source of the explorer and its drop-ins, for programs that are to have
// them and don't require this module.
func Source() embed.FS { return source }
