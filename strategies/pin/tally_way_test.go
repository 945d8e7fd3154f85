//go:build !(linux && amd64) || race

package pin

import "testing"

// eachWay runs the test with the only way that there is here.
func eachWay(t *testing.T, f func(t *testing.T)) { t.Run("procPin", f) }
