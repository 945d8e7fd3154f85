package pool

import "testing"

func TestClose(t *testing.T) {
	p := New(1)
	done := make(chan bool)
	go func() {
		defer close(done)
		if x, err := p.Get(); err == nil {
			p.Put(x)
		}
	}()
	p.Close()
	<-done
}
