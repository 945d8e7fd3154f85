package bad

import "sync"

var mu sync.Mutex

func F(c chan int) {
	select {
	case <-c:
	}
}
