package selects

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// A Game is a program of random channel operations: for each thread its words.
//
//	a b c   receive from a, b (unbuffered), c (room for one)     A B C   send to them
//	1       receive from a or b            2   send to a or b
//	3       receive from a or send to c    4   send to a or receive from c
//	5       receive from a, send to b, or neither
//	6       send to a, receive from b or c, or none of them
//	7       send to c or receive from c    8   send to a or receive from a
//	9       receive from c, twice in one select, or not
//	k       close c                        l   the length of c
//	x y     add to an atomic word
//	t       receive from the timer or from c       p   from the timer, or not
//	s r     stop and reset the timer               w   receive from a, with a timeout
//	z       sleep
//	f       start a timer that calls a function        g   stop the last one
//	q       receive from b until a context's time is up, which its child knows
type Game struct {
	program [][]string
	a, b, c chan int
	x, y    atomic.Int64
	timer   *time.Timer
	seen    [][]int
}

// NewGame returns a game at its beginning.
func NewGame(program [][]string) *Game {
	return &Game{
		program: program, a: make(chan int), b: make(chan int), c: make(chan int, 1),
		timer: time.NewTimer(time.Millisecond), seen: make([][]int, len(program)),
	}
}

// Thread runs thread i.
func (g *Game) Thread(i int) {
	var calls *time.Timer
	see := func(v ...int) { g.seen[i] = append(g.seen[i], v...) }
	defer func() {
		switch r := recover(); fmt.Sprint(r) {
		case "<nil>":
		case "send on closed channel", "close of closed channel":
			see(-1)
		default:
			panic(r)
		}
	}()
	for k, op := range g.program[i] {
		v := 10*(i+1) + k
		switch op {
		case "a":
			see(<-g.a)
		case "b":
			see(<-g.b)
		case "c":
			see(<-g.c)
		case "A":
			g.a <- v
		case "B":
			g.b <- v
		case "C":
			g.c <- v
		case "1":
			select {
			case v := <-g.a:
				see(1, v)
			case v := <-g.b:
				see(2, v)
			}
		case "2":
			select {
			case g.a <- v:
				see(1)
			case g.b <- v:
				see(2)
			}
		case "3":
			select {
			case v := <-g.a:
				see(1, v)
			case g.c <- v:
				see(2)
			}
		case "4":
			select {
			case g.a <- v:
				see(1)
			case v := <-g.c:
				see(2, v)
			}
		case "5":
			select {
			case v := <-g.a:
				see(1, v)
			case g.b <- v:
				see(2)
			default:
				see(0)
			}
		case "6":
			select {
			case g.a <- v:
				see(1)
			case v := <-g.b:
				see(2, v)
			case v := <-g.c:
				see(3, v)
			default:
				see(0)
			}
		case "7":
			select {
			case g.c <- v:
				see(1)
			case v := <-g.c:
				see(2, v)
			}
		case "8":
			select {
			case g.a <- v:
				see(1)
			case v := <-g.a:
				see(2, v)
			}
		case "9":
			select {
			case v := <-g.c:
				see(1, v)
			case v := <-g.c:
				see(2, v)
			default:
				see(0)
			}
		case "k":
			close(g.c)
		case "l":
			see(len(g.c))
		case "t":
			select {
			case <-g.timer.C:
				see(1)
			case v := <-g.c:
				see(2, v)
			}
		case "p":
			select {
			case <-g.timer.C:
				see(1)
			default:
				see(0)
			}
		case "s":
			see(bit(g.timer.Stop()))
		case "r":
			see(bit(g.timer.Reset(time.Millisecond)))
		case "w":
			select {
			case v := <-g.a:
				see(1, v)
			case <-time.After(time.Millisecond):
				see(2)
			}
		case "f":
			calls = time.AfterFunc(time.Millisecond/2, func() { g.x.Add(10) })
		case "g":
			if calls != nil {
				see(bit(calls.Stop()), int(g.x.Load()))
			}
		case "q":
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			child, stop := context.WithCancel(ctx)
			select {
			case v := <-g.b:
				see(1, v)
			case <-child.Done():
				see(2, bit(child.Err() == context.DeadlineExceeded))
			}
			stop()
			cancel()
		case "z":
			time.Sleep(time.Millisecond / 2)
		case "x":
			see(int(g.x.Add(1)))
		case "y":
			see(int(g.y.Add(1)))
		}
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Play runs all threads.
func (g *Game) Play() {
	var fs []func()
	for i := range g.program {
		fs = append(fs, func() { g.Thread(i) })
	}
	together(fs...)
}

// End says what threads have seen.
func (g *Game) End() string { return fmt.Sprint(g.seen, len(g.c)) }
