// Package user uses what has a drop-in.
package user

import "github.com/refbench/refbench/fuzz/explore/gen/testdata/replace/wired"

// Here returns where the caller is.
func Here() int { return wired.On() }
