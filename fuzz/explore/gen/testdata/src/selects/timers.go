package selects

import (
	"fmt"
	"time"
)

const short = time.Millisecond / 4

// Timers are programs with timers.
var Timers = []Program{
	{"timeout", func() string {
		select {
		case <-make(chan int):
			return "value"
		case <-time.After(short):
			return "timeout"
		}
	}, []string{"timeout"}, false},

	{"timeout or value", func() string {
		c := make(chan int, 1)
		c <- 1
		select {
		case <-c:
			return "value"
		case <-time.After(short):
			return "timeout"
		}
	}, []string{"timeout", "value"}, false},

	{"timeout or sender", func() string {
		c, gone := make(chan int), make(chan bool)
		s := ""
		together(func() {
			select {
			case <-c:
				s += "value"
			case <-time.After(short):
				s += "timeout"
				close(gone)
			}
		}, func() {
			select {
			case c <- 1:
			case <-gone:
			}
		})
		return s
	}, []string{"timeout", "value"}, false},

	{"stopped", func() string {
		t := time.NewTimer(short)
		s := fmt.Sprint(t.Stop(), t.Stop())
		select {
		case <-t.C:
			return s + " fired"
		default:
			return s
		}
	}, []string{"true false"}, false},

	{"stopped after its time", func() string {
		t := time.NewTimer(short)
		time.Sleep(2 * short)
		s := fmt.Sprint(t.Stop())
		select {
		case <-t.C:
			return s + " stale"
		default:
			return s
		}
	}, []string{"true"}, false},

	{"stopped after it fired", func() string {
		t := time.NewTimer(-short)
		<-t.C
		return fmt.Sprint(t.Stop(), t.Reset(short), t.Stop())
	}, []string{"false false true"}, false},

	{"reset while another waits", func() string {
		t := time.NewTimer(time.Hour)
		t.Stop()
		together(func() { <-t.C }, func() { t.Reset(short) })
		return "fired"
	}, []string{"fired"}, false},

	{"polled", func() string {
		t := time.NewTimer(short)
		s := ""
		for range 2 {
			select {
			case <-t.C:
				s += "fired "
			default:
				s += "not yet "
			}
		}
		return s
	}, []string{"fired not yet ", "not yet fired ", "not yet not yet "}, false},

	{"polled until it fires", func() string {
		t := time.NewTimer(short)
		for {
			select {
			case <-t.C:
				return "fired"
			default:
			}
		}
	}, []string{"fired"}, false},

	{"length", func() string {
		t := time.NewTimer(short)
		time.Sleep(2 * short)
		return fmt.Sprint(len(t.C), cap(t.C))
	}, []string{"0 0"}, false},

	{"ticker", func() string {
		t := time.NewTicker(short)
		<-t.C
		<-t.C
		t.Reset(2 * short)
		<-t.C
		t.Stop()
		select {
		case <-t.C:
			return "ticks"
		default:
			return "stopped"
		}
	}, []string{"stopped"}, false},

	{"ticker never stopped", func() string {
		s := ""
		quit := time.After(10 * short)
		for range time.Tick(short) {
			s += "."
			if s == "..." {
				break
			}
			select {
			case <-quit:
				return "slow"
			default:
			}
		}
		return s
	}, []string{"...", "slow"}, false},

	{"no ticker", func() string { return fmt.Sprint(time.Tick(0) == nil, time.Tick(-1) == nil) }, []string{"true true"}, false},

	{"bad interval", func() (s string) {
		defer func() { s = fmt.Sprint(recover()) }()
		time.NewTicker(0)
		return ""
	}, []string{"non-positive interval for NewTicker"}, false},

	{"two timers", func() string {
		a, b := time.After(short), time.After(time.Hour)
		select {
		case <-b:
			return "b"
		case <-a:
			return "a"
		}
	}, []string{"a"}, false},

	{"more timers than threads", func() string {
		n := 0
		for range 40 {
			<-time.After(1)
			n++
		}
		return fmt.Sprint(n)
	}, []string{"40"}, false},

	{"call or stop", func() string {
		done := make(chan string, 1)
		t := time.AfterFunc(short, func() { done <- "called" })
		if t.Stop() {
			return "stopped"
		}
		return <-done
	}, []string{"called", "stopped"}, false},
}
