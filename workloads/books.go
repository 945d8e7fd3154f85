package workloads

import (
	"errors"
	"fmt"
	"strings"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/workloads/arena"
)

// Books are a workload's own account of its objects.
type Books struct {
	Lives    uint64 // how often an object was initialized
	Released uint64 // how often an object was released
	Judged   uint64 // operations on counts that the checked form judged

	// Kinds are the violations of each kind. The timed form sees leaks and
	// double frees, and what a workload notices itself.
	Kinds [judge.Kinds]uint64

	// Notes say in words what is wrong, at most some for each kind.
	Notes []string
}

// BooksOf returns the books of a workload whose objects all come from one arena.
// Nobody uses it any more.
func BooksOf[T, V any](a *arena.Arena[T, V]) Books {
	ab := a.Books()
	b := Books{Lives: ab.Lives, Released: ab.Ends}
	if log := a.Log(); log != nil {
		a.Leaks()
		b.Judged = log.Operations()
		b.Kinds, b.Notes = log.Violations()
		return b
	}
	b.Observe(judge.Leak, ab.Left(), "objects were never released")
	b.Observe(judge.DoubleFree, ab.Twice, "objects were released again")
	return b
}

// BooksOfBoth returns the books of a workload whose objects come from two arenas
// of the same kit. Nobody uses them any more.
func BooksOfBoth[T, V, W any](a *arena.Arena[T, V], b *arena.Arena[T, W]) Books {
	if a.Log() == nil {
		books := BooksOf(a)
		books.Add(BooksOf(b))
		return books
	}
	// They share a log, whose violations count once.
	b.Leaks()
	books := BooksOf(a)
	ab := b.Books()
	books.Lives += ab.Lives
	books.Released += ab.Ends
	return books
}

// Observe puts n violations down, if any, and says in words what they are: the
// words follow the number.
func (b *Books) Observe(k judge.Kind, n uint64, format string, args ...any) {
	if n > 0 {
		b.Kinds[k] += n
		b.Notes = append(b.Notes, fmt.Sprintf("%v: %d ", k, n)+fmt.Sprintf(format, args...))
	}
}

// Violations returns how many violations there are of any kind.
func (b Books) Violations() uint64 {
	var n uint64
	for _, k := range b.Kinds {
		n += k
	}
	return n
}

// Add adds the entries of c.
func (b *Books) Add(c Books) {
	b.Lives += c.Lives
	b.Released += c.Released
	b.Judged += c.Judged
	for k, n := range c.Kinds {
		b.Kinds[k] += n
	}
	b.Notes = append(b.Notes, c.Notes...)
}

// Err returns an error with the number of violations of each kind and every note,
// or nil if the books balance.
func (b Books) Err() error {
	if b.Violations() == 0 {
		return nil
	}
	var kinds []string
	for k, n := range b.Kinds {
		if n > 0 {
			kinds = append(kinds, fmt.Sprintf("%d %v", n, judge.Kind(k)))
		}
	}
	errs := []error{errors.New(strings.Join(kinds, ", "))}
	for _, n := range b.Notes {
		errs = append(errs, errors.New(n))
	}
	return errors.Join(errs...)
}

// Sentence says in one sentence what is wrong: the first note, of something else than
// a leak if there is anything else, and how much there is in all. It is "" if the
// books balance.
func (b Books) Sentence() string {
	err := b.Err()
	if err == nil {
		return ""
	}
	kinds, _, _ := strings.Cut(err.Error(), "\n")
	onlyLeaks := b.Violations() == b.Kinds[judge.Leak]
	for _, note := range b.Notes {
		if !onlyLeaks && strings.HasPrefix(note, judge.Leak.String()+":") {
			continue
		}
		what, _, _ := strings.Cut(note, "; its last operations")
		if b.Violations() > 1 {
			what += " (in all " + kinds + ")"
		}
		return what
	}
	return kinds
}
