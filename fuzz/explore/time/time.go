// Package time is the part of package time of the standard library that
// concurrent code waits with, in explored form.
//
// Time is virtual: it begins at the same instant in each execution and passes
// only when a goroutine sleeps or waits for a timer. The scheduler may let a
// goroutine sleep as long as it likes, but never wakes it before one with an
// earlier deadline, and only when memory has changed or nobody else can go on. Reading
// the clock is a scheduling point, since it may be later then.
//
// A timer takes up one of the threads of the execution until it fires. There are
// no tickers, because an execution has to end.
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
		return epoch.Add(Duration(e.ReadClock()))
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

	m    engine.Meta
	n    uint64 // what stands for the rest in the state
	f    func()
	life int  // counts Stop and Reset: an older life's firing is void
	on   bool // has not fired nor been stopped
}

func (t *Timer) start(d Duration) {
	e := engine.Current
	if e == nil {
		panic("explore/time: a timer was started outside of an exploration")
	}
	t.life++
	t.on = true
	life, deadline := t.life, e.ReadClock()+max(int64(d), 0)
	e.Spawn(func() {
		e.SleepUntil(deadline)
		t.access()
		if !t.on || t.life != life {
			return
		}
		t.on = false
		t.f()
	})
}

// access is the scheduling point before the timer is looked at or changed.
func (t *Timer) access() {
	if e := engine.Current; e != nil {
		e.Before(engine.OpSwap, &t.m)
		e.Writes++
		if e.Noting() {
			t.n = e.Contents(t.n)
			e.After(&t.m, engine.Access{Kind: engine.OpSwap, New: t.n, Seen: t.n, Wrote: true})
		}
	}
}

// NewTimer returns a timer that sends the time on its channel after d.
func NewTimer(d Duration) *Timer {
	t := &Timer{C: channel.Make[Time](1)}
	t.f = func() { t.C.Send(Now()) }
	t.start(d)
	return t
}

// After returns the channel of a new timer.
func After(d Duration) *channel.Chan[Time] { return NewTimer(d).C }

// AfterFunc calls f in a goroutine of its own after d.
func AfterFunc(d Duration, f func()) *Timer {
	t := &Timer{f: f}
	t.start(d)
	return t
}

// Stop keeps the timer from firing, and reports whether it would have fired.
func (t *Timer) Stop() bool {
	t.access()
	was := t.on
	t.on = false
	return was
}

// Reset makes the timer fire after d, and reports whether it was going to fire.
func (t *Timer) Reset(d Duration) bool {
	t.access()
	was := t.on
	t.on = false
	t.start(d)
	return was
}
