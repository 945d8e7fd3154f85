// Package pipe is io.Pipe in explored form.
package pipe

import (
	"io"

	"github.com/refbench/refbench/fuzz/explore/channel"
	"github.com/refbench/refbench/fuzz/explore/sync"
)

// pipe is what both ends share. A write hands its bytes to readers until they have all of
// them.
type pipe struct {
	writing sync.Mutex // one write at a time
	data    *channel.Chan[[]byte]
	taken   *channel.Chan[int]
	once    sync.Once
	done    *channel.Chan[struct{}]

	mu         sync.Mutex
	rerr, werr error // with which the ends were closed
}

func (p *pipe) closed() bool { return channel.Poll(channel.Receiving(p.done)) == 0 }

// close keeps the first error of an end.
func (p *pipe) close(to *error, err error) {
	p.mu.Lock()
	if *to == nil {
		*to = err
	}
	p.mu.Unlock()
	p.once.Do(func() { p.done.Close() })
}

func (p *pipe) readError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rerr == nil && p.werr != nil {
		return p.werr
	}
	return io.ErrClosedPipe
}

func (p *pipe) writeError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.werr == nil && p.rerr != nil {
		return p.rerr
	}
	return io.ErrClosedPipe
}

// A PipeReader is the end to read from.
type PipeReader struct{ p *pipe }

// A PipeWriter is the end to write to.
type PipeWriter struct{ p *pipe }

// Pipe returns the ends of a new pipe.
func Pipe() (*PipeReader, *PipeWriter) {
	p := &pipe{data: channel.Make[[]byte](0), taken: channel.Make[int](0), done: channel.Make[struct{}](0)}
	return &PipeReader{p}, &PipeWriter{p}
}

// Read reads what is written.
func (r *PipeReader) Read(b []byte) (int, error) {
	p := r.p
	if p.closed() {
		return 0, p.readError()
	}
	data := channel.Receiving(p.data)
	if channel.Select(data, channel.Receiving(p.done)) == 1 {
		return 0, p.readError()
	}
	n := copy(b, data.Value())
	p.taken.Send(n)
	return n, nil
}

// Close is CloseWithError(nil).
func (r *PipeReader) Close() error { return r.CloseWithError(nil) }

// CloseWithError makes writes return err.
func (r *PipeReader) CloseWithError(err error) error {
	if err == nil {
		err = io.ErrClosedPipe
	}
	r.p.close(&r.p.rerr, err)
	return nil
}

// Write waits until all of b has been read.
func (w *PipeWriter) Write(b []byte) (n int, err error) {
	p := w.p
	if p.closed() {
		return 0, p.writeError()
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	for once := true; once || len(b) > 0; once = false {
		if channel.Select(channel.To(p.data).Sending(b), channel.Receiving(p.done)) == 1 {
			return n, p.writeError()
		}
		k := p.taken.Receive()
		b = b[k:]
		n += k
	}
	return n, nil
}

// Close is CloseWithError(nil).
func (w *PipeWriter) Close() error { return w.CloseWithError(nil) }

// CloseWithError makes reads return err, io.EOF if that is nil, once all is read.
func (w *PipeWriter) CloseWithError(err error) error {
	if err == nil {
		err = io.EOF
	}
	w.p.close(&w.p.werr, err)
	return nil
}
