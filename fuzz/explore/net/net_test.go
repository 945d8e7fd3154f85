package net_test

import (
	"errors"
	"io"
	stdnet "net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/refbench/refbench/fuzz/explore"
	"github.com/refbench/refbench/fuzz/explore/net"
	"github.com/refbench/refbench/fuzz/explore/sync/atomic"
	"github.com/refbench/refbench/fuzz/explore/time"
)

// explored explores a body and returns what went wrong.
func explored(t *testing.T, body func()) *explore.Failure {
	t.Helper()
	s := &explore.Scenario{Name: t.Name(), CPUs: 2, IdleClock: true, Make: func(explore.Program) explore.Case {
		return explore.Case{Threads: []func(){body}}
	}}
	for _, o := range []explore.Options{
		{Seed: 1, Search: explore.DFS, Bound: 1, Executions: 500}, {Seed: 1, Search: explore.Random, Executions: 300},
	} {
		r, err := explore.Explore(s, o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Failure != nil {
			return r.Failure
		}
	}
	return nil
}

// rule fails if a body does in any schedule that was tried.
func rule(t *testing.T, name string, body func()) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		if f := explored(t, body); f != nil {
			t.Error(f.Text())
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		explore.Failf("%v", err)
	}
	return v
}

// want fails unless err is what.
func want(op string, err, what error) {
	if !errors.Is(err, what) {
		explore.Failf("%s: %v, want %v", op, err, what)
	}
}

// echo sends back what one client sends.
func echo(l stdnet.Listener) {
	c := must(l.Accept())
	_, _ = io.Copy(c, c)
	_ = c.Close()
}

func TestLoopback(t *testing.T) {
	for _, network := range []string{"tcp", "tcp4", "tcp6", "unix"} {
		rule(t, "an echo over "+network, func() {
			address := map[string]string{"tcp": "localhost:0", "tcp4": "127.0.0.1:0", "tcp6": "[::1]:0", "unix": "echo.sock"}[network]
			l := must(net.Listen(network, address))
			explore.Go(func() { echo(l) })
			c := must(net.Dial(network, l.Addr().String()))
			for _, text := range []string{"one", "two"} {
				must(c.Write([]byte(text)))
			}
			_ = c.(interface{ CloseWrite() error }).CloseWrite()
			if got := string(must(io.ReadAll(c))); got != "onetwo" {
				explore.Failf("came back as %q, want onetwo", got)
			}
			_, err := c.Write([]byte("x"))
			want("Write after CloseWrite", err, stdnet.ErrClosed)
			want("Close", c.Close(), nil)
			want("second Close", c.Close(), stdnet.ErrClosed)
			want("Close of the listener", l.Close(), nil)
			want("second Close of the listener", l.Close(), stdnet.ErrClosed)
		})
	}
	rule(t, "nobody listens", func() {
		_, err := net.Dial("tcp", "127.0.0.1:1")
		want("Dial", err, syscall.ECONNREFUSED)
		l := must(net.Listen("tcp", ":7"))
		_, err = net.Listen("tcp", "127.0.0.1:7")
		want("Listen", err, syscall.EADDRINUSE)
		_ = l.Close()
		_, err = net.Dial("tcp", "127.0.0.1:7")
		want("Dial after Close", err, syscall.ECONNREFUSED)
		_ = must(net.Listen("tcp", "127.0.0.1:7"))
	})
	rule(t, "Close of a listener ends Accept, and connections that nobody accepts", func() {
		l := must(net.Listen("tcp", "127.0.0.1:0"))
		c := must(net.Dial("tcp", l.Addr().String()))
		_ = must(l.Accept())
		left := must(net.Dial("tcp", l.Addr().String()))
		explore.Go(func() { _ = l.Close() })
		for {
			if _, err := l.Accept(); err != nil {
				want("Accept", err, stdnet.ErrClosed)
				break
			}
			left = c
		}
		if left != c {
			_, err := left.Read(make([]byte, 1))
			want("Read", err, io.EOF)
		}
	})
	rule(t, "what was sent before Close is read", func() {
		l := must(net.Listen("tcp", "127.0.0.1:0"))
		explore.Go(func() {
			c := must(l.Accept())
			must(c.Write([]byte("bye")))
			_ = c.Close()
		})
		c := must(net.Dial("tcp", l.Addr().String()))
		if got := string(must(io.ReadAll(c))); got != "bye" {
			explore.Failf("read %q, want bye", got)
		}
		_, err := c.Write([]byte("x"))
		want("Write to who has closed", err, syscall.EPIPE)
	})
	rule(t, "Close ends one's own Read", func() {
		l := must(net.Listen("tcp", "127.0.0.1:0"))
		c := must(net.Dial("tcp", l.Addr().String()))
		explore.Go(func() { _ = c.Close() })
		_, err := c.Read(make([]byte, 1))
		want("Read", err, stdnet.ErrClosed)
	})
	rule(t, "a Write waits while too much is unread", func() {
		l := must(net.Listen("tcp", "127.0.0.1:0"))
		c, s := must(net.Dial("tcp", l.Addr().String())), must(l.Accept())
		must(c.Write(make([]byte, 64<<10)))
		var through atomic.Bool
		explore.Go(func() {
			must(c.Write([]byte{1}))
			through.Store(true)
		})
		time.Sleep(time.Second)
		if through.Load() {
			explore.Failf("65,537 bytes are unread")
		}
		must(s.Read(make([]byte, 1)))
		time.Sleep(time.Second)
		if !through.Load() {
			explore.Failf("a Write waits although there is room")
		}
	})
	rule(t, "writes don't mix", func() {
		l := must(net.Listen("tcp", "127.0.0.1:0"))
		c, s := must(net.Dial("tcp", l.Addr().String())), must(l.Accept())
		const size = 65 << 10 // more than there is room for
		for _, text := range []string{"1", "2"} {
			explore.Go(func() { must(c.Write([]byte(strings.Repeat(text, size)))) })
		}
		got := make([]byte, 2*size)
		must(io.ReadFull(s, got))
		if first := strings.Repeat(string(got[:1]), size); !strings.HasPrefix(string(got), first) || strings.Contains(string(got[size:]), first[:1]) {
			explore.Failf("the bytes of two writes are mixed")
		}
	})
	rule(t, "deadlines", func() {
		l := must(net.Listen("tcp", "127.0.0.1:0"))
		c := must(net.Dial("tcp", l.Addr().String()))
		begin := time.Now()
		_ = c.SetReadDeadline(begin.Add(time.Minute))
		_, err := c.Read(make([]byte, 1))
		want("Read", err, os.ErrDeadlineExceeded)
		if d := time.Since(begin); d < time.Minute || d > time.Minute+time.Second {
			explore.Failf("a deadline of a minute took %v", d)
		}
		_ = c.SetReadDeadline(time.Time{})
		explore.Go(func() {
			time.Sleep(time.Hour)
			_ = c.SetDeadline(time.Now())
		})
		_, err = c.Read(make([]byte, 1))
		want("Read that waits while the deadline is set", err, os.ErrDeadlineExceeded)
		_, err = c.Write([]byte("x"))
		want("Write", err, os.ErrDeadlineExceeded)
	})
}

func TestPipe(t *testing.T) {
	rule(t, "a Write waits until all is read", func() {
		a, b := net.Pipe()
		var through atomic.Bool
		explore.Go(func() {
			if n := must(a.Write([]byte("abc"))); n != 3 {
				explore.Failf("wrote %d bytes, want 3", n)
			}
			through.Store(true)
			_ = a.Close()
		})
		must(b.Read(make([]byte, 2)))
		time.Sleep(time.Second)
		if through.Load() {
			explore.Failf("a Write returned before its last byte was read")
		}
		if got := string(must(io.ReadAll(b))); got != "c" {
			explore.Failf("read %q at last, want c", got)
		}
		_, err := b.Write([]byte("x"))
		want("Write to who has closed", err, io.ErrClosedPipe)
		_ = b.Close()
		_, err = b.Read(make([]byte, 1))
		want("Read after Close", err, io.ErrClosedPipe)
	})
	rule(t, "a Write whose deadline passes says how much was read", func() {
		a, b := net.Pipe()
		_ = a.SetWriteDeadline(time.Now().Add(time.Second))
		explore.Go(func() { must(b.Read(make([]byte, 2))) })
		n, err := a.Write([]byte("abc"))
		want("Write", err, os.ErrDeadlineExceeded)
		if n != 2 {
			explore.Failf("%d bytes, want 2", n)
		}
		_ = b.SetReadDeadline(time.Now().Add(time.Second))
		_, err = b.Read(make([]byte, 1))
		want("Read of what was taken back", err, os.ErrDeadlineExceeded)
	})
}

// TestOutside: what leaves the process is refused by name.
func TestOutside(t *testing.T) {
	for what, call := range map[string]func(){
		"net.Dial of tcp example.com:80":  func() { _, _ = net.Dial("tcp", "example.com:80") },
		"net.Dial of udp 127.0.0.1:53":    func() { _, _ = net.Dial("udp", "127.0.0.1:53") },
		"net.Listen of tcp 192.0.2.1:80":  func() { _, _ = net.Listen("tcp", "192.0.2.1:80") },
		"net.Listen of unixgram datagram": func() { _, _ = net.Listen("unixgram", "datagram") },
	} {
		if f := explored(t, call); f == nil || f.Kind != explore.Unsupported || !strings.Contains(f.Message, what) {
			t.Errorf("%s: got %v, want it refused", what, f)
		}
	}
	rule(t, "wrong addresses", func() {
		for _, address := range [][2]string{{"tcp", "127.0.0.1"}, {"pigeon", "coop:1"}, {"tcp", "127.0.0.1:99999"}} {
			_, err := net.Listen(address[0], address[1])
			if op := new(stdnet.OpError); !errors.As(err, &op) || op.Op != "listen" {
				explore.Failf("Listen(%q, %q): %v, want an error of listen", address[0], address[1], err)
			}
		}
	})
}
