package context

import (
	"context"

	"github.com/refbench/refbench/fuzz/explore/channel"
	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/time"
)

// native is a context as packages know it that aren't explored. They can't wait for it.
type native struct{ Context }

func (n native) Done() <-chan struct{} {
	if n.Context.Done() == nil {
		return nil
	}
	if e := engine.Current; e != nil && !e.Aborting() {
		e.Fail(engine.KindUnsupported, "a package that isn't explored waits for a context")
	}
	return nil
}

// Native returns the context for a package that isn't explored.
func Native(c Context) context.Context {
	switch c := c.(type) {
	case nil:
		return nil
	case foreign:
		return c.c
	}
	return native{c}
}

// foreign is a context of a package that isn't explored. It is never canceled.
type foreign struct{ c context.Context }

func (f foreign) Deadline() (deadline time.Time, ok bool) { return f.c.Deadline() }
func (f foreign) Done() *channel.Chan[struct{}]           { return nil }
func (f foreign) Err() error                              { return f.c.Err() }
func (f foreign) Value(key any) any                       { return f.c.Value(key) }

// Foreign returns a context of a package that isn't explored for those that are.
func Foreign(c context.Context) Context {
	switch c := c.(type) {
	case nil:
		return nil
	case native:
		return c.Context
	}
	return foreign{c}
}
