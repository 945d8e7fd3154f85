package workloads

import (
	"errors"
	"fmt"

	"github.com/refbench/refbench/workloads/arena"
)

// Books are a workload's own account of its objects.
type Books struct {
	Lives    uint64 // how often an object was initialized
	Released uint64 // how often an object was released
	Left     uint64 // lives that nobody released
	Twice    uint64 // releases of an object that was already released
	Wrong    uint64 // other observations that a right count rules out

	// Notes say in words what is wrong, at most some for each kind.
	Notes []string
}

// BooksOf returns the books of a workload whose objects all come from one arena.
func BooksOf(a arena.Books) Books {
	return Books{Lives: a.Lives, Released: a.Ends, Left: a.Left(), Twice: a.Twice}
}

// Observe puts n wrong observations down, if any, and says in words what they
// are: the words follow the number.
func (b *Books) Observe(n uint64, format string, args ...any) {
	if n > 0 {
		b.Wrong += n
		b.Notes = append(b.Notes, fmt.Sprintf("%d ", n)+fmt.Sprintf(format, args...))
	}
}

// Violations returns how many entries of the books don't balance.
func (b Books) Violations() uint64 { return b.Left + b.Twice + b.Wrong }

// Add adds the entries of c.
func (b *Books) Add(c Books) {
	b.Lives += c.Lives
	b.Released += c.Released
	b.Left += c.Left
	b.Twice += c.Twice
	b.Wrong += c.Wrong
	b.Notes = append(b.Notes, c.Notes...)
}

// Err returns an error that names every entry that doesn't balance, or nil.
func (b Books) Err() error {
	var errs []error
	if b.Left > 0 {
		errs = append(errs, fmt.Errorf("%d of %d objects were never released", b.Left, b.Lives))
	}
	if b.Twice > 0 {
		errs = append(errs, fmt.Errorf("%d releases of objects that were released already", b.Twice))
	}
	if b.Wrong > 0 {
		errs = append(errs, fmt.Errorf("%d impossible observations", b.Wrong))
	}
	for _, n := range b.Notes {
		errs = append(errs, errors.New(n))
	}
	return errors.Join(errs...)
}
