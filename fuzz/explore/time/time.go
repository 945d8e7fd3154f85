// Package time is the part of package time of the standard library that
// concurrent code waits with, in explored form.
//
// Time is virtual: it begins at the same instant in each execution and passes
// only when a goroutine sleeps, or looks whether a timer has fired. The scheduler may
// let a goroutine sleep as long as it likes, but never wakes it before one with an
// earlier deadline, and only when memory has changed or nobody else can go on. So
// timers fire in the order of their deadlines; natively one may be late. Reading the
// clock is a scheduling point, since it may be later then.
//
// Whether a timer or a ticker has fired when somebody looks at its channel is the
// search's choice, unless somebody sleeps who has to wake before. A timer of AfterFunc
// takes up one of the threads of the execution, for good.
package time

import (
	"time"

	"github.com/refbench/refbench/fuzz/explore/channel"
	"github.com/refbench/refbench/fuzz/explore/internal/engine"
)

// What doesn't depend on the clock is the original.
type (
	Duration   = time.Duration
	Location   = time.Location
	Month      = time.Month
	ParseError = time.ParseError
	Time       = time.Time
	Weekday    = time.Weekday
)

// Durations.
const (
	Nanosecond  = time.Nanosecond
	Microsecond = time.Microsecond
	Millisecond = time.Millisecond
	Second      = time.Second
	Minute      = time.Minute
	Hour        = time.Hour
)

// Layouts.
const (
	Layout      = time.Layout
	ANSIC       = time.ANSIC
	RFC822      = time.RFC822
	RFC850      = time.RFC850
	RFC1123     = time.RFC1123
	RFC3339     = time.RFC3339
	RFC3339Nano = time.RFC3339Nano
	Kitchen     = time.Kitchen
	Stamp       = time.Stamp
	StampMilli  = time.StampMilli
	StampMicro  = time.StampMicro
	StampNano   = time.StampNano
	DateTime    = time.DateTime
	DateOnly    = time.DateOnly
	TimeOnly    = time.TimeOnly
)

// Months.
const (
	January   = time.January
	February  = time.February
	March     = time.March
	April     = time.April
	May       = time.May
	June      = time.June
	July      = time.July
	August    = time.August
	September = time.September
	October   = time.October
	November  = time.November
	December  = time.December
)

// UTC returns the original's UTC; it is a variable there.
var UTC = time.UTC

// Date is the original.
func Date(year int, month Month, day, hour, min, sec, nsec int, loc *Location) Time {
	return time.Date(year, month, day, hour, min, sec, nsec, loc)
}

// Parse is the original.
func Parse(layout, value string) (Time, error) { return time.Parse(layout, value) }

// ParseDuration is the original.
func ParseDuration(s string) (Duration, error) { return time.ParseDuration(s) }

// Unix is the original.
func Unix(sec, nsec int64) Time { return time.Unix(sec, nsec) }

// UnixMilli is the original.
func UnixMilli(msec int64) Time { return time.UnixMilli(msec) }

// epoch is when executions begin.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Now returns the virtual time.
func Now() Time {
	if e := engine.Current; e != nil {
		return value(e.TimeNow())
	}
	return epoch
}

// Since returns the virtual time that has passed since t.
func Since(t Time) Duration { return Now().Sub(t) }

// Until returns the virtual time that is left until t.
func Until(t Time) Duration { return t.Sub(Now()) }

// Sleep lets others go first until the virtual clock has reached the deadline.
func Sleep(d Duration) {
	if e := engine.Current; e != nil {
		e.Sleep(int64(d))
	}
}

// A Timer fires once.
type Timer struct {
	// C receives the time when the timer fires, unless AfterFunc made it.
	C *channel.Chan[Time]

	m engine.Meta
	n uint64 // what stands for the rest in the state
	f func()
	t *engine.Thread // that calls f; nil if the timer doesn't run
}

// value is what a channel receives at a time of the virtual clock.
func value(ns int64) Time { return epoch.Add(Duration(ns)) }

// start makes a timer of AfterFunc fire after d.
func (t *Timer) start(e *engine.Engine, d Duration) {
	e.LookAtClock() // when it fires depends on when it is started
	t.t = e.SpawnAt(func() {
		// That it has fired is settled when it wakes: since then Stop is late.
		t.t = nil
		t.f()
	}, e.Deadline(int64(d)))
}

// access is the scheduling point before a timer of AfterFunc is looked at or changed.
func (t *Timer) access(e *engine.Engine) {
	// Which comes first, this or that the timer fires, is a choice however little
	// the two touch otherwise.
	e.Before(engine.OpTimed, &t.m)
	e.Writes++
	if e.Noting() {
		t.n = e.Contents(t.n)
		e.After(&t.m, engine.Access{Kind: engine.OpTimed, New: t.n, Seen: t.n, Wrote: true})
	}
}

// NewTimer returns a timer that sends the time on its channel after d.
func NewTimer(d Duration) *Timer {
	t := &Timer{C: channel.ForTimer(value)}
	t.C.Start(int64(d), 0, true)
	return t
}

// After returns the channel of a new timer.
func After(d Duration) *channel.Chan[Time] { return NewTimer(d).C }

// AfterFunc calls f in a goroutine of its own after d.
func AfterFunc(d Duration, f func()) *Timer {
	e := engine.Current
	if e == nil {
		panic("explore/time: a timer was started outside of an exploration")
	}
	t := &Timer{f: f}
	if !e.Aborting() {
		t.start(e, d)
	}
	return t
}

// Stop keeps the timer from firing, and reports whether it would have fired. A timer
// with a channel has fired when its value is received: as in the original since Go 1.23.
func (t *Timer) Stop() bool {
	if t.C != nil {
		return t.C.Stop()
	}
	return t.stop("Stop")
}

// stop stops a timer of AfterFunc.
func (t *Timer) stop(what string) bool {
	if t.f == nil {
		panic("time: " + what + " called on uninitialized Timer")
	}
	e := engine.Current
	if e == nil || e.Aborting() {
		return false
	}
	t.access(e)
	if t.t == nil {
		return false
	}
	e.Dismiss(t.t)
	t.t = nil
	return true
}

// Reset makes the timer fire after d, and reports whether it was going to fire.
func (t *Timer) Reset(d Duration) bool {
	if t.C != nil {
		return t.C.Start(int64(d), 0, false)
	}
	was := t.stop("Reset")
	if e := engine.Current; e != nil && !e.Aborting() {
		t.start(e, d)
	}
	return was
}

// A Ticker sends the time on its channel again and again. What fires before the last
// value was received is lost.
type Ticker struct {
	// C receives the times.
	C *channel.Chan[Time]
}

// NewTicker returns a ticker that fires every d. It panics if d isn't positive.
func NewTicker(d Duration) *Ticker {
	if d <= 0 {
		panic("non-positive interval for NewTicker")
	}
	t := &Ticker{C: channel.ForTimer(value)}
	t.C.Start(int64(d), int64(d), true)
	return t
}

// Tick returns the channel of a new ticker, or nil if d isn't positive.
func Tick(d Duration) *channel.Chan[Time] {
	if d <= 0 {
		return nil
	}
	return NewTicker(d).C
}

// Stop keeps the ticker from firing. It doesn't close the channel.
func (t *Ticker) Stop() {
	if t.C != nil { // as in the original
		t.C.Stop()
	}
}

// Reset makes the ticker fire every d from now on. It panics if d isn't positive.
func (t *Ticker) Reset(d Duration) {
	if d <= 0 {
		panic("non-positive interval for Ticker.Reset")
	}
	if t.C == nil {
		panic("time: Reset called on uninitialized Ticker")
	}
	t.C.Start(int64(d), int64(d), false)
}
