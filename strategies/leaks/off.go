//go:build !refbench_leaks

package leaks

// Enabled reports whether references are noted.
const Enabled = false

// A Ref is a reference that somebody holds.
type Ref struct{}

// Take notes that a reference of an object, which is a pointer, was taken.
func Take[T any](object *T) Ref { return Ref{} }

// Drop notes that the reference was dropped.
func (Ref) Drop() {}

// Drop notes that some reference of an object was dropped.
func Drop[T any](object *T) {}

// Check fails the test at its end if references that were taken since are left, or if some
// were dropped twice. No test that takes references may run in parallel.
func Check(t TB) {}
