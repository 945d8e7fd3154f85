package sync

import "github.com/refbench/refbench/fuzz/explore/sync/atomic"

// A Once does something once. Its zero value hasn't done it.
type Once struct {
	done atomic.Bool
	m    Mutex
}

// Do calls f if it is the first call of Do. When any call returns, f has returned.
func (o *Once) Do(f func()) {
	if !o.done.Load() {
		o.slow(f)
	}
}

func (o *Once) slow(f func()) {
	o.m.Lock()
	defer o.m.Unlock()
	if !o.done.Load() {
		defer o.done.Store(true)
		f()
	}
}

// OnceFunc returns a function that calls f once. If f panics, each call does.
func OnceFunc(f func()) func() {
	get := OnceValue(func() struct{} { f(); return struct{}{} })
	return func() { get() }
}

// OnceValue returns a function that calls f once and returns what it returned.
func OnceValue[T any](f func() T) func() T {
	get := OnceValues(func() (T, struct{}) { return f(), struct{}{} })
	return func() T {
		v, _ := get()
		return v
	}
}

// OnceValues returns a function that calls f once and returns what it returned.
func OnceValues[T1, T2 any](f func() (T1, T2)) func() (T1, T2) {
	var (
		once  Once
		valid bool
		p     any
		r1    T1
		r2    T2
	)
	return func() (T1, T2) {
		once.Do(func() {
			defer func() {
				f = nil
				if !valid {
					p = recover()
					panic(p)
				}
			}()
			r1, r2 = f()
			valid = true
		})
		if !valid {
			panic(p)
		}
		return r1, r2
	}
}
