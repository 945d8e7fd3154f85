//go:build refbench_leaks

package leaks

// Enabled reports whether references are noted.
const Enabled = true

// all is what the program has taken.
var all books

// A Ref is a reference that somebody holds.
type Ref struct{ r *reference }

// Take notes that a reference of an object, which is a pointer, was taken.
func Take[T any](object *T) Ref { return Ref{all.take(object)} }

// Drop notes that the reference was dropped.
func (r Ref) Drop() { all.drop(r.r) }

// Drop notes that some reference of an object was dropped.
func Drop[T any](object *T) { all.dropSome(object) }

// Check fails the test at its end if references that were taken since are left, or if some
// were dropped twice. No test that takes references may run in parallel.
func Check(t TB) {
	t.Helper()
	all.reset()
	t.Cleanup(func() {
		t.Helper()
		for _, text := range all.report() {
			t.Errorf("%s", text)
		}
	})
}
