// Package starts has go statements of every form that has an explored form.
package starts

import "sync"

func send[T any](to chan<- T, v T, more ...T) {
	for _, v := range append([]T{v}, more...) {
		to <- v
	}
}

func convert[To, From any](to chan<- To, v From, f func(From) To) { to <- f(v) }

type sender struct{ to chan int }

func (s *sender) send(v int) { s.to <- v }

// All starts them all.
func All() int {
	var wg sync.WaitGroup
	c := make(chan int, 16)
	s := &sender{c}
	go send(c, 1)                                          // the type argument is inferred
	go send[int](c, 1, 1)                                  // it is given
	go convert[int](c, "1", func(string) int { return 1 }) // one of two is
	go send(
		c,
		1, // a comma, and a remark, (in parentheses
	)
	go s.send(1)
	go (*sender).send(s, 1)
	go func(vs ...int) {
		c <- len(vs)
	}(
		[]int{1}...,
	)
	wg.Add(1)
	go wg.Done()
	wg.Wait()
	sum := 0
	for range 8 {
		sum += <-c
	}
	return sum
}
