package grpcbuffer_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/mem"
)

// A pool counts how often it gets bytes back.
type pool struct{ back atomic.Int32 }

func (p *pool) Get(n int) *[]byte { b := make([]byte, n); return &b }
func (p *pool) Put(*[]byte)       { p.back.Add(1) }

// Three goroutines hold a buffer, or a part of it, take more references and drop all of them. The
// bytes go back once, and not while one of them can read.
func TestBytesGoBackOnce(t *testing.T) {
	p := new(pool)
	data := make([]byte, 2048)
	b := mem.NewBuffer(&data, p)
	part := b.Slice(8, 16)
	b.Ref()
	var all sync.WaitGroup
	for _, own := range []mem.Buffer{b, b, part} {
		all.Go(func() {
			own.Ref()
			own.Free()
			if p.back.Load() != 0 || len(own.ReadOnlyData()) == 0 {
				t.Error("the bytes are gone while somebody holds them")
			}
			own.Free()
		})
	}
	all.Wait()
	if n := p.back.Load(); n != 1 {
		t.Errorf("the bytes went back %d times", n)
	}
}
