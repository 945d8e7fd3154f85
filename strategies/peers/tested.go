//go:build peers

// The packages whose own tests are explored: they are required in their versions, and
// nothing is built of them.
package peers

import (
	_ "github.com/cockroachdb/pebble"
	_ "github.com/dgraph-io/ristretto/v2"
	_ "github.com/puzpuzpuz/xsync/v4"
	_ "golang.org/x/sync/semaphore"
	_ "golang.org/x/sync/singleflight"
)
