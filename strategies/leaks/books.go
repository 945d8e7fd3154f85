package leaks

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
)

// A stack is where something was done.
type stack []uintptr

// here returns the caller's callers, from where this package was called.
func here() stack {
	pcs := make(stack, 32)
	return pcs[:runtime.Callers(4, pcs)] // Callers, here, a method of books, the exported function
}

// String has a line for each frame.
func (s stack) String() string {
	var b strings.Builder
	frames := runtime.CallersFrames(s)
	for {
		f, more := frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, "testing.") && !strings.HasPrefix(f.Function, "runtime.") {
			fmt.Fprintf(&b, "    %s\n        %s:%d\n", f.Function, f.File, f.Line)
		}
		if !more {
			return b.String()
		}
	}
}

// A reference was taken, and is dropped at most once.
type reference struct {
	object  *object
	taken   stack
	dropped stack // nil while it is held
}

// An object is what is counted.
type object struct {
	name       string
	references []*reference
	some       []stack // drops of which nobody knows the reference
}

// books are what was taken and dropped.
type books struct {
	mu      sync.Mutex
	objects []*object // in the order in which they were seen first
	of      map[any]*object
	wrong   []string
}

func (b *books) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects, b.of, b.wrong = nil, nil, nil
}

// object returns the books of an object. The caller holds the lock.
func (b *books) object(p any) *object {
	if b.of == nil {
		b.of = make(map[any]*object)
	}
	o := b.of[p]
	if o == nil {
		o = &object{name: fmt.Sprintf("%T %p", p, p)}
		b.of[p] = o
		b.objects = append(b.objects, o)
	}
	return o
}

func (b *books) take(p any) *reference {
	s := here()
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.object(p)
	r := &reference{object: o, taken: s}
	o.references = append(o.references, r)
	return r
}

func (b *books) drop(r *reference) {
	s := here()
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case r == nil:
		b.wrong = append(b.wrong, "a reference that was never taken was dropped:\n"+s.String())
	case r.dropped != nil:
		b.wrong = append(b.wrong, fmt.Sprintf("a reference of %s was dropped twice. It was taken:\n%s  It was dropped:\n%s  and dropped again:\n%s", r.object.name, r.taken, r.dropped, s))
	default:
		r.dropped = s
	}
}

func (b *books) dropSome(p any) {
	s := here()
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.object(p)
	o.some = append(o.some, s)
}

// report says what is wrong, each in several lines.
func (b *books) report() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	texts := b.wrong
	for _, o := range b.objects {
		var held []stack
		for _, r := range o.references {
			if r.dropped == nil {
				held = append(held, r.taken)
			}
		}
		switch n := len(held) - len(o.some); {
		case n > 0 && len(o.some) == 0:
			texts = append(texts, fmt.Sprintf("references left of %s: %d. They were taken:\n%s", o.name, n, places(held)))
		case n > 0:
			texts = append(texts, fmt.Sprintf("references left of %s: %d, of those that were taken:\n%s  and some were dropped:\n%s", o.name, n, places(held), places(o.some)))
		case n < 0:
			texts = append(texts, fmt.Sprintf("references of %s dropped more than taken: %d. They were taken:\n%s  and dropped:\n%s", o.name, -n, places(held), places(o.some)))
		}
	}
	return texts
}

// places says where something was done, each place once.
func places(list []stack) string {
	var order []string
	times := make(map[string]int)
	for _, s := range list {
		text := s.String()
		if times[text] == 0 {
			order = append(order, text)
		}
		times[text]++
	}
	var b strings.Builder
	for _, text := range order {
		if n := times[text]; n > 1 {
			fmt.Fprintf(&b, "   %d times\n", n)
		}
		b.WriteString(text)
	}
	return b.String()
}
