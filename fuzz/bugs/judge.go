package bugs

// A Judge tells right from wrong while a run of a bug goes on. Threads call it at
// the same time.
//
// The rules are those of one life of one count. They say that a reference is held
// from after the operation that took it until before the one that drops it, so
// that what is held is never more than what a right count says:
//
//   - When a drop reports the last reference, none is held.
//   - No drop reports it again.
//   - When a reference was taken, no drop has reported the last yet.
//
// Runs with objects in an arena, which knows the rules, only call Failf and Leakf.
type Judge interface {
	// Took is called after an operation that took a reference.
	Took(op string)

	// Drops is called before an operation that may drop a reference, Kept
	// after it if it didn't, Dropped if it did, with what it reported.
	Drops()
	Kept()
	Dropped(op string, last bool)

	// Begins is called before the count begins another life in the same
	// memory, by whoever was told of the last drop.
	Begins()

	// Released reports whether the last drop of this life was reported.
	Released() bool

	// Failf says that something else is wrong, Leakf that something is left.
	// They may not return.
	Failf(format string, args ...any)
	Leakf(format string, args ...any)
}
