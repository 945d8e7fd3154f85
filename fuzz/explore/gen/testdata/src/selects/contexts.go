package selects

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var errCause = errors.New("cause")

// own is a context of a type that package context doesn't know.
type own struct {
	context.Context
	done chan struct{}
}

func (o own) Done() <-chan struct{} { return o.done }

func (o own) Err() error {
	select {
	case <-o.done:
		return errCause
	default:
		return nil
	}
}

type key struct{}

// about says all of a context.
func about(ctx context.Context) string {
	_, deadline := ctx.Deadline()
	return fmt.Sprint(ctx.Err(), " ", context.Cause(ctx), " ", deadline, " ", ctx.Value(key{}))
}

// Contexts are programs with contexts.
var Contexts = []Program{
	{"roots", func() string {
		b, t := context.Background(), context.TODO()
		return fmt.Sprint(b, t, b == t, b.Done() == nil, " ", about(b))
	}, []string{"context.Background context.TODO false true <nil> <nil> false <nil>"}, false},

	{"canceled", func() string {
		ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, 1))
		s := about(ctx)
		cancel()
		cancel()
		<-ctx.Done()
		return s + ", " + about(ctx)
	}, []string{"<nil> <nil> false 1, context canceled context canceled false 1"}, false},

	{"cause", func() string {
		ctx, cancel := context.WithCancelCause(context.Background())
		child, stop := context.WithCancel(ctx)
		cancel(errCause)
		cancel(nil)
		stop()
		return about(ctx) + ", " + about(child) + fmt.Sprint(errors.Is(ctx.Err(), context.Canceled))
	}, []string{"context canceled cause false <nil>, context canceled cause false <nil>true"}, false},

	{"child of a canceled one", func() string {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errCause)
		child, stop := context.WithTimeout(ctx, time.Hour)
		defer stop()
		return about(child)
	}, []string{"context canceled cause true <nil>"}, false},

	{"a child cancels itself alone", func() string {
		ctx, cancel := context.WithCancel(context.Background())
		child, stop := context.WithCancel(ctx)
		stop()
		s := fmt.Sprint(ctx.Err(), child.Err())
		cancel()
		return s
	}, []string{"<nil> context canceled"}, false},

	{"without cancel", func() string {
		ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, 2))
		free := context.WithoutCancel(ctx)
		child, stop := context.WithCancel(free)
		cancel()
		s := about(free) + fmt.Sprint(free.Done() == nil) + about(child)
		stop()
		return s
	}, []string{"<nil> <nil> false 2true<nil> <nil> false 2"}, false},

	{"timeout", func() string {
		ctx, cancel := context.WithTimeoutCause(context.Background(), short, errCause)
		defer cancel()
		<-ctx.Done()
		return about(ctx)
	}, []string{"context deadline exceeded cause true <nil>"}, false},

	{"deadline in the past", func() string {
		ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
		defer cancel()
		return about(ctx)
	}, []string{"context deadline exceeded context deadline exceeded true <nil>"}, false},

	{"the sooner deadline", func() string {
		ctx, cancel := context.WithTimeout(context.Background(), short)
		defer cancel()
		child, stop := context.WithTimeout(ctx, time.Hour)
		defer stop()
		a, _ := ctx.Deadline()
		b, _ := child.Deadline()
		<-child.Done()
		return fmt.Sprint(a.Equal(b), child.Err())
	}, []string{"true context deadline exceeded"}, false},

	{"timeout or cancel", func() string {
		ctx, cancel := context.WithTimeout(context.Background(), short)
		cancel()
		return ctx.Err().Error()
	}, []string{"context canceled", "context deadline exceeded"}, false},

	{"parent and child", func() string {
		ctx, cancel := context.WithCancel(context.Background())
		child, stop := context.WithCancel(ctx)
		defer stop()
		s := ""
		together(cancel, func() {
			<-ctx.Done()
			s += fmt.Sprint(ctx.Err(), " ", child.Err())
			<-child.Done()
		})
		return s
	}, []string{"context canceled <nil>", "context canceled context canceled"}, false},

	{"which child first", func() string {
		ctx, cancel := context.WithCancel(context.Background())
		a, stopA := context.WithCancel(ctx)
		b, stopB := context.WithCancel(ctx)
		s := ""
		together(cancel, func() {
			<-ctx.Done()
			second := b.Err() != nil // looked at first: else the order of children wouldn't matter
			s = fmt.Sprint(a.Err() != nil, second)
		})
		stopA()
		stopB()
		return s
	}, []string{"false false", "false true", "true false", "true true"}, false},

	{"a new child meanwhile", func() string {
		ctx, cancel := context.WithCancel(context.Background())
		together(cancel, func() {
			child, stop := context.WithCancel(ctx)
			<-child.Done()
			stop()
		})
		return "done"
	}, []string{"done"}, false},

	{"after func", func() string {
		ctx, cancel := context.WithCancel(context.Background())
		called := make(chan bool)
		stop := context.AfterFunc(ctx, func() { close(called) })
		other := context.AfterFunc(ctx, func() { panic("stopped before") })
		s := fmt.Sprint(other(), other())
		cancel()
		<-called
		return s + fmt.Sprint(stop())
	}, []string{"true falsefalse"}, false},

	{"after func or stop", func() string {
		ctx, cancel := context.WithCancel(context.Background())
		called := make(chan string, 1)
		stop := context.AfterFunc(ctx, func() { called <- "called" })
		go cancel()
		if stop() {
			return "stopped"
		}
		return <-called
	}, []string{"called", "stopped"}, false},

	{"somebody else's type", func() string {
		parent := own{context.Background(), make(chan struct{})}
		ctx, cancel := context.WithCancel(parent)
		close(parent.done)
		<-ctx.Done()
		s := about(ctx)
		cancel()
		return s
	}, []string{"cause cause false <nil>"}, false},

	{"nil parent", func() (s string) {
		defer func() { s = fmt.Sprint(recover()) }()
		var none context.Context
		_, cancel := context.WithCancel(none)
		cancel()
		return ""
	}, []string{"cannot create context from nil parent"}, false},

	{"names", func() string {
		ctx, cancel := context.WithCancel(context.TODO())
		cancel()
		return fmt.Sprint(context.WithoutCancel(ctx))
	}, []string{"context.TODO.WithCancel.WithoutCancel"}, false},
}
