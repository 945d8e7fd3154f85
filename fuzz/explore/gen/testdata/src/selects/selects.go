// Package selects has small programs with select statements. Tests run them natively
// and in explored form and compare how they end.
package selects

import (
	"fmt"
	"strings"
	"sync"
)

// A Program can end in several ways, and in no others.
type Program struct {
	Name string
	Run  func() string
	Ends []string

	// Racy programs close a channel while others send, of which the race detector
	// complains natively.
	Racy bool
}

// together runs functions in goroutines and waits for them.
func together(fs ...func()) {
	var w sync.WaitGroup
	for _, f := range fs {
		w.Add(1)
		go func() {
			defer w.Done()
			f()
		}()
	}
	w.Wait()
}

// Programs are the programs.
var Programs = []Program{
	{"two ready", func() string {
		a, b := make(chan int, 1), make(chan int, 1)
		a <- 1
		b <- 2
		select {
		case v := <-a:
			return fmt.Sprint("a", v, len(b))
		case v, ok := <-b:
			return fmt.Sprint("b", v, ok, len(a))
		}
	}, []string{"a1 1", "b2 true 1"}, false},

	{"nothing ready", func() string {
		a, b := make(chan int), make(chan int, 1)
		b <- 1
		var none chan int
		select {
		case <-a:
			return "a"
		case b <- 2:
			return "b"
		case <-none:
			return "nil"
		case none <- 1:
			return "nil"
		default:
			return "default"
		}
	}, []string{"default"}, false},

	{"default alone", func() string {
		select {
		default:
			return "default"
		}
	}, []string{"default"}, false},

	{"closed", func() string {
		a, b := make(chan int), make(chan int, 2)
		b <- 7
		close(a)
		close(b)
		s := ""
		for range 2 {
			select {
			case v, ok := <-a:
				s += fmt.Sprint("a", v, ok, " ")
			case v, ok := <-b:
				s += fmt.Sprint("b", v, ok, " ")
			}
		}
		return s
	}, []string{"a0 false a0 false ", "a0 false b7 true ", "b7 true a0 false ", "b7 true b0 false "}, false},

	{"send on closed", func() (s string) {
		defer func() { s += fmt.Sprint(recover()) }()
		a, b := make(chan int), make(chan int, 1)
		b <- 1
		close(a)
		select {
		case a <- 1:
			return "sent "
		case <-b:
			return "received "
		}
	}, []string{"received <nil>", "send on closed channel"}, false},

	{"waiting sender, closed", func() (s string) {
		a, b := make(chan int), make(chan int)
		together(func() {
			defer func() { s += fmt.Sprint(recover()) }()
			select {
			case a <- 1:
			case b <- 2:
			}
		}, func() { close(a) })
		return s
	}, []string{"send on closed channel"}, true},

	{"select meets select", func() string {
		a, b := make(chan string), make(chan string)
		var one, two string
		together(func() {
			select {
			case a <- "1 to a":
				one = "sent"
			case one = <-b:
			}
		}, func() {
			select {
			case two = <-a:
			case b <- "2 to b":
				two = "sent"
			}
		})
		return one + ", " + two
	}, []string{"sent, 1 to a", "2 to b, sent"}, false},

	{"not with itself", func() string {
		a := make(chan int)
		select {
		case a <- 1:
			return "sent"
		case <-a:
			return "received"
		default:
			return "default"
		}
	}, []string{"default"}, false},

	{"the same channel twice", func() string {
		a := make(chan int)
		got := ""
		together(func() {
			select {
			case <-a:
				got = "first"
			case <-a:
				got = "second"
			}
		}, func() { a <- 1 })
		return got
	}, []string{"first", "second"}, false},

	{"try to send", func() string {
		a, done := make(chan int), make(chan bool, 1)
		s := "nobody"
		together(func() {
			select {
			case <-a:
				s = "met"
			case <-done:
			}
		}, func() {
			select {
			case a <- 1:
			default:
				done <- true
			}
		})
		return s
	}, []string{"met", "nobody"}, false},

	// While b has a value, who waits at both has left a.
	{"a way is open", func() string {
		a, b := make(chan int), make(chan int, 1)
		s, t := "", "nobody"
		together(func() {
			select {
			case <-a:
				s = "a"
			case <-b:
				s = "b"
			}
		}, func() {
			b <- 1
			select {
			case a <- 2:
				t = "met"
			default:
			}
		})
		return s + " " + t
	}, []string{"b nobody"}, false},

	{"taken away from the other channel", func() string {
		a, b, done := make(chan int), make(chan int), make(chan bool)
		s, t := "", ""
		together(func() {
			select {
			case <-a:
				s = "a"
			case <-b:
				s = "b"
			case <-done:
			}
		}, func() {
			select {
			case a <- 1:
				t += "a"
			default:
			}
			select {
			case b <- 1:
				t += "b"
			default:
			}
			close(done)
		})
		return s + "=" + t
	}, []string{"=", "a=a", "b=b"}, false},

	{"two senders", func() string {
		a, b := make(chan int), make(chan int, 1)
		s := ""
		together(func() { a <- 1 }, func() { b <- 2 }, func() {
			for range 2 {
				select {
				case v := <-a:
					s += fmt.Sprint(v)
				case v := <-b:
					s += fmt.Sprint(v)
				}
			}
		})
		return s
	}, []string{"12", "21"}, false},

	{"order of evaluation", func() string {
		var s strings.Builder
		b, c := make(chan int, 1), make(chan int, 1)
		which := func(name string, c chan int) chan int {
			s.WriteString(name)
			return c
		}
		value := func(name string, v int) int {
			s.WriteString(name)
			if name == "w" {
				b = nil // too late: b has been looked at
			}
			return v
		}
		var x [1]int
		index := func() int { s.WriteString("i"); return 0 }
		c <- 5
		select {
		case which("A", c) <- value("v", 1):
		case b <- value("w", 2):
			s.WriteString("!")
		case x[index()] = <-which("C", nil):
		case <-func() chan int {
			select {
			case <-which("D", nil):
			default:
				s.WriteString("d")
			}
			return nil
		}():
		}
		return s.String()
	}, []string{"AvwCDd!"}, false},

	{"assignments", func() string {
		a := make(chan int, 3)
		a <- 1
		a <- 2
		var x [2]any
		i := 0
		next := func() int { i++; return i - 1 }
		var ok bool
		for range 2 {
			select {
			case x[next()], ok = (<-a):
			}
		}
		var p struct{ v int }
		a <- 3
		select {
		case p.v = <-a:
		}
		a <- 4
		select {
		case _, _ = <-a:
		}
		a <- 5
		select {
		case _ = <-a:
		}
		return fmt.Sprint(x, ok, p.v, len(a))
	}, []string{"[1 2] true 3 0"}, false},

	{"control flow", func() string {
		a := make(chan int, 10)
		s := ""
		for i := range 6 {
			a <- i
		}
	loop:
		for {
		inner:
			select {
			case v := <-a:
				switch v {
				case 0:
					continue
				case 1:
					break
				case 2:
					break inner
				case 3:
					continue loop
				case 4:
					if len(a) == 1 {
						break
					}
				default:
					break loop
				}
				s += fmt.Sprint(v)
				if v == 4 {
					goto again
				}
			again:
				s += "."
			}
			s += "|"
		}
		return s + last(a)
	}, []string{"1.||4.|end"}, false},

	{"a channel of channels", func() string {
		cc := make(chan (chan<- float64), 1)
		c := make(chan float64, 2)
		cc <- c
		select {
		case <-cc:
		}
		cc <- c
		select {
		case (<-cc) <- 1:
		}
		return fmt.Sprint(<-c)
	}, []string{"1"}, false},
}

// last ends with a select without a default.
func last(a chan int) string {
	for {
		select {
		case v := <-a:
			_ = v
			return "more"
		default:
		}
		close(a)
		select {
		case _, ok := <-a:
			if !ok {
				return end(a)
			}
		}
	}
}

func end(a chan int) string {
	select {
	case <-a: // a comment
		return "end"
	case _, ok := <-a:
		if ok {
			panic(ok)
		}
		return "end"
	}
}

// forever never returns.
func forever() string { select {} }

var _ = forever
