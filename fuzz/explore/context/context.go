// Package context is package context of the standard library in explored form.
//
// A context with a deadline takes up one of the threads of the execution, and so does
// a function of AfterFunc that is called, and a context whose parent is of a type that
// isn't from here. In which order a context cancels its children is the search's
// choice.
package context

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/refbench/refbench/fuzz/explore/channel"
	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explore/time"
)

// A Context is the original with a channel in explored form.
type Context interface {
	// Deadline returns when the context is canceled by itself, if it is.
	Deadline() (deadline time.Time, ok bool)
	// Done returns the channel that is closed when the context is canceled, nil
	// if it never is.
	Done() *channel.Chan[struct{}]
	// Err returns why the context was canceled, nil while Done isn't closed.
	Err() error
	// Value returns the value of the key, nil if there is none.
	Value(key any) any
}

// The originals.
var (
	Canceled         = context.Canceled
	DeadlineExceeded = context.DeadlineExceeded
)

// A CancelFunc cancels a context. Only the first call has an effect.
type CancelFunc func()

// A CancelCauseFunc is a CancelFunc with what Cause returns from then on, Canceled if
// that is nil.
type CancelCauseFunc func(cause error)

// empty is a context that has nothing. It is no empty struct, so that Background and
// TODO differ.
type empty struct{ name string }

func (*empty) Deadline() (deadline time.Time, ok bool) { return }
func (*empty) Done() *channel.Chan[struct{}]           { return nil }
func (*empty) Err() error                              { return nil }
func (*empty) Value(any) any                           { return nil }
func (e *empty) String() string                        { return "context." + e.name }

var background, todo = &empty{"Background"}, &empty{"TODO"}

// Background returns the context at the root of others.
func Background() Context { return background }

// TODO returns a context for where it isn't clear yet which to use.
func TODO() Context { return todo }

// A canceler is a context that can be canceled from here.
type canceler interface {
	cancel(remove bool, err, cause error)
	Done() *channel.Chan[struct{}]
}

// cancelCtx is a context that can be canceled. Done is closed after err and cause were
// set, so that who sees it closed may read them.
type cancelCtx struct {
	Context
	done *channel.Chan[struct{}]

	mu         sync.Mutex
	err, cause error
	children   []canceler
}

// cancelKey is the key for which a context returns the cancelCtx that it is or is
// below.
var cancelKey int

func (c *cancelCtx) Done() *channel.Chan[struct{}] { return c.done }

func (c *cancelCtx) Err() error {
	if !isClosed(c.done) {
		return nil
	}
	return c.err
}

func (c *cancelCtx) Value(key any) any {
	if key == &cancelKey {
		return c
	}
	return c.Context.Value(key)
}

func (c *cancelCtx) String() string { return name(c.Context) + ".WithCancel" }

// isClosed is one step.
func isClosed(done *channel.Chan[struct{}]) bool {
	return channel.Poll(channel.Receiving(done)) == 0
}

func (c *cancelCtx) cancel(remove bool, err, cause error) {
	if cause == nil {
		cause = err
	}
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err, c.cause = err, cause
	c.done.Close()
	// The original keeps them in a map. They are canceled while the parent is
	// locked, so a new child comes either before all that or finds it canceled.
	for len(c.children) > 0 {
		i := 0
		if e := engine.Current; e != nil {
			i = e.Way(min(len(c.children), engine.MaxWays))
		}
		child := c.children[i]
		c.children = slices.Delete(c.children, i, i+1)
		child.cancel(false, err, cause)
	}
	c.mu.Unlock()
	if remove {
		removeChild(c.Context, c)
	}
}

// below makes child, which is c or embeds it, a child of parent.
func (c *cancelCtx) below(parent Context, child canceler) {
	c.Context, c.done = parent, channel.Make[struct{}](0)
	done := parent.Done()
	if done == nil {
		return
	}
	if isClosed(done) {
		child.cancel(false, parent.Err(), Cause(parent))
		return
	}
	if p := cancelOf(parent); p != nil {
		p.mu.Lock()
		if p.err != nil {
			child.cancel(false, p.err, p.cause)
		} else {
			p.children = append(p.children, child)
		}
		p.mu.Unlock()
		return
	}
	stop := func() { child.cancel(false, parent.Err(), Cause(parent)) }
	if a, ok := parent.(interface{ AfterFunc(func()) func() bool }); ok {
		c.mu.Lock()
		c.Context = stopCtx{parent, a.AfterFunc(stop)}
		c.mu.Unlock()
		return
	}
	goFunc(func() {
		if channel.Select(channel.Receiving(done), channel.Receiving(child.Done())) == 0 {
			stop()
		}
	})
}

// goFunc starts a goroutine.
func goFunc(f func()) {
	e := engine.Current
	if e == nil {
		panic("explore/context: a goroutine was started outside of an exploration")
	}
	e.Spawn(f)
}

// stopCtx is a parent that was told with its own method AfterFunc to cancel a child.
type stopCtx struct {
	Context
	stop func() bool
}

// cancelOf returns the cancelCtx that cancels whoever is below parent, nil if that is
// something else.
func cancelOf(parent Context) *cancelCtx {
	p, ok := parent.Value(&cancelKey).(*cancelCtx)
	if !ok || p.done != parent.Done() {
		return nil // somebody else's type around a cancelCtx, with its own Done
	}
	return p
}

func removeChild(parent Context, child canceler) {
	if s, ok := parent.(stopCtx); ok {
		s.stop()
		return
	}
	if parent.Done() == nil {
		return
	}
	if p := cancelOf(parent); p != nil {
		p.mu.Lock()
		if i := slices.Index(p.children, child); i >= 0 {
			p.children = slices.Delete(p.children, i, i+1)
		}
		p.mu.Unlock()
	}
}

func mustHave(parent Context) {
	if parent == nil {
		panic("cannot create context from nil parent")
	}
}

func withCancel(parent Context) *cancelCtx {
	mustHave(parent)
	c := new(cancelCtx)
	c.below(parent, c)
	return c
}

// WithCancel returns a context below parent, and what cancels it.
func WithCancel(parent Context) (ctx Context, cancel CancelFunc) {
	c := withCancel(parent)
	return c, func() { c.cancel(true, Canceled, nil) }
}

// WithCancelCause is WithCancel with a cause.
func WithCancelCause(parent Context) (ctx Context, cancel CancelCauseFunc) {
	c := withCancel(parent)
	return c, func(cause error) { c.cancel(true, Canceled, cause) }
}

// Cause returns why c was canceled: what was given as the cause, or else what Err
// returns.
func Cause(c Context) error {
	if cc, ok := c.Value(&cancelKey).(*cancelCtx); ok {
		cc.mu.Lock()
		cause := cc.cause
		cc.mu.Unlock()
		if cause != nil {
			return cause
		}
		// Maybe somebody else's type has been canceled.
	}
	return c.Err()
}

// timerCtx is a cancelCtx with a deadline.
type timerCtx struct {
	cancelCtx
	timer    *time.Timer // under mu
	deadline time.Time
}

func (c *timerCtx) Deadline() (deadline time.Time, ok bool) { return c.deadline, true }

func (c *timerCtx) String() string {
	return fmt.Sprintf("%s.WithDeadline(%s)", name(c.Context), c.deadline)
}

func (c *timerCtx) cancel(remove bool, err, cause error) {
	c.cancelCtx.cancel(false, err, cause)
	if remove {
		removeChild(c.Context, c)
	}
	c.mu.Lock()
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	c.mu.Unlock()
}

// WithDeadline is WithCancel that also cancels at a time.
func WithDeadline(parent Context, d time.Time) (Context, CancelFunc) {
	return WithDeadlineCause(parent, d, nil)
}

// WithDeadlineCause is WithDeadline with the cause if that time comes.
func WithDeadlineCause(parent Context, d time.Time, cause error) (Context, CancelFunc) {
	mustHave(parent)
	if cur, ok := parent.Deadline(); ok && cur.Before(d) {
		return WithCancel(parent) // it ends sooner anyway
	}
	c := &timerCtx{deadline: d}
	c.below(parent, c)
	left := time.Until(d)
	if left <= 0 {
		c.cancel(true, DeadlineExceeded, cause)
		return c, func() { c.cancel(false, Canceled, nil) }
	}
	c.mu.Lock()
	if c.err == nil {
		c.timer = time.AfterFunc(left, func() { c.cancel(true, DeadlineExceeded, cause) })
	}
	c.mu.Unlock()
	return c, func() { c.cancel(true, Canceled, nil) }
}

// WithTimeout is WithDeadline of now and the timeout.
func WithTimeout(parent Context, timeout time.Duration) (Context, CancelFunc) {
	return WithDeadline(parent, time.Now().Add(timeout))
}

// WithTimeoutCause is WithTimeout with a cause.
func WithTimeoutCause(parent Context, timeout time.Duration, cause error) (Context, CancelFunc) {
	return WithDeadlineCause(parent, time.Now().Add(timeout), cause)
}

// funcCtx calls a function in a goroutine of its own when it is canceled.
type funcCtx struct {
	cancelCtx
	once sync.Once // either the call or the stop
	f    func()
}

func (c *funcCtx) cancel(remove bool, err, cause error) {
	c.cancelCtx.cancel(false, err, cause)
	if remove {
		removeChild(c.Context, c)
	}
	c.once.Do(func() { goFunc(c.f) })
}

// AfterFunc calls f in a goroutine of its own when ctx is canceled. stop keeps it from
// being called, and reports whether it did.
func AfterFunc(ctx Context, f func()) (stop func() bool) {
	c := &funcCtx{f: f}
	c.below(ctx, c)
	return func() bool {
		stopped := false
		c.once.Do(func() { stopped = true })
		if stopped {
			c.cancel(true, Canceled, nil)
		}
		return stopped
	}
}

// valueCtx has a value.
type valueCtx struct {
	Context
	key, value any
}

func (c *valueCtx) Value(key any) any {
	if key == c.key {
		return c.value
	}
	return c.Context.Value(key)
}

func (c *valueCtx) String() string { return name(c.Context) + ".WithValue" }

// WithValue returns a context below parent in which key has a value.
func WithValue(parent Context, key, value any) Context {
	mustHave(parent)
	if key == nil {
		panic("nil key")
	}
	if !reflect.TypeOf(key).Comparable() {
		panic("key is not comparable")
	}
	return &valueCtx{parent, key, value}
}

// freeCtx has its parent's values and is never canceled.
type freeCtx struct{ parent Context }

func (freeCtx) Deadline() (deadline time.Time, ok bool) { return }
func (freeCtx) Done() *channel.Chan[struct{}]           { return nil }
func (freeCtx) Err() error                              { return nil }
func (c freeCtx) String() string                        { return name(c.parent) + ".WithoutCancel" }

func (c freeCtx) Value(key any) any {
	if key == &cancelKey {
		return nil
	}
	return c.parent.Value(key)
}

// WithoutCancel returns a context with the values of parent that isn't canceled when
// parent is.
func WithoutCancel(parent Context) Context {
	mustHave(parent)
	return freeCtx{parent}
}

func name(c Context) string {
	if s, ok := c.(fmt.Stringer); ok {
		return s.String()
	}
	return reflect.TypeOf(c).String()
}
