// Package leaks finds out in tests of a program which references of its own counted
// objects are never dropped, and where they were taken; and of one that is dropped twice,
// where both drops are.
//
// The program says where it takes and drops them:
//
//	func (c *Conn) Get() leaks.Ref  { c.refs.Add(1); return leaks.Take(c) }
//	func (c *Conn) Put(r leaks.Ref) { r.Drop(); ... }
//
// and a test looks at its end:
//
//	func Test(t *testing.T) {
//		leaks.Check(t)
//		...
//	}
//
// A Ref goes along with the reference, to where that is dropped. Code that has no place for
// it leaves it away, and calls [Drop] with the object: then a report has all places where
// references of that object were taken and dropped, as nobody knows which belong together.
//
// Without the build tag refbench_leaks all of this is empty: a Ref takes no memory, calls
// are compiled to nothing, and Check does nothing. So it can stay in the program:
//
//	go test -tags refbench_leaks ./...
//
// What a struct ends with takes memory in Go even if it is empty, so a field of type Ref
// doesn't come last.
package leaks

// TB is what [Check] needs of a testing.TB. It is spelled out so that programs don't carry
// package testing.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Cleanup(func())
}
