// Package net has the functions of package net of the standard library that connect
// programs with themselves, in explored form: pipes, and connections over loopback
// addresses and Unix sockets, which exist within one execution only.
//
// A connection over a loopback address keeps what it delivers in order and loses nothing. A
// Read returns all that is there and fits. A Write waits while 64 KiB are unread, and fails
// once the other end is closed: a real one may be told later. Deadlines are of the virtual
// clock. What leaves this process is not modelled.
package net

import (
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/refbench/refbench/fuzz/explore/channel"
	"github.com/refbench/refbench/fuzz/explore/internal/engine"
	"github.com/refbench/refbench/fuzz/explore/sync"
	"github.com/refbench/refbench/fuzz/explore/time"
)

// A network is what the listeners of one execution listen to.
type network struct {
	generation uint64
	mu         sync.Mutex
	listeners  map[string]*listener // by the network's kind and the address
	port       int                  // the last one that was chosen
}

var current = new(network)

// firstPort is the first port that a listener gets that asks for any: as on Linux.
const firstPort = 32768

// network of this execution.
func here() *network {
	e := engine.Current
	if e == nil {
		panic("explore/net: a connection was made outside of an exploration")
	}
	if current.generation != e.Generation() {
		current = &network{generation: e.Generation(), listeners: make(map[string]*listener), port: firstPort - 1}
	}
	return current
}

// unmodelled ends an execution that asks for the world outside.
func unmodelled(what string) {
	if e := engine.Current; e != nil && !e.Aborting() {
		e.Fail(engine.KindUnsupported, what)
	}
}

// place is where a listener listens: kind is tcp or unix. It is the zero value if that isn't
// within this process.
type place struct {
	kind string
	addr net.Addr
	port int // of tcp
}

func (p place) key() string {
	if p.kind == "tcp" {
		return "tcp " + strconv.Itoa(p.port)
	}
	return p.kind + " " + p.addr.String()
}

// find returns the place of an address, or an error as the original would.
func find(network, address string) (place, error) {
	switch network {
	case "unix", "unixpacket":
		return place{kind: network, addr: &net.UnixAddr{Name: address, Net: network}}, nil
	case "tcp", "tcp4", "tcp6":
		host, service, err := net.SplitHostPort(address)
		if err != nil {
			return place{}, err
		}
		port, err := net.LookupPort(network, service)
		if err != nil {
			return place{}, err
		}
		ip, err := netip.ParseAddr(host)
		switch {
		case host == "", host == "localhost", err == nil && ip.IsUnspecified():
			ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
			if network == "tcp6" {
				ip = netip.IPv6Loopback()
			}
		case err != nil || !ip.IsLoopback():
			return place{}, nil
		}
		return place{kind: "tcp", addr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(port))), port: port}, nil
	}
	switch kind, _, _ := strings.Cut(network, ":"); kind {
	case "udp", "udp4", "udp6", "ip", "ip4", "ip6", "unixgram":
		return place{}, nil
	}
	return place{}, net.UnknownNetworkError(network)
}

// Listen is the original's for loopback addresses and Unix sockets.
func Listen(network, address string) (net.Listener, error) {
	p, err := find(network, address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	if p.kind == "" {
		unmodelled("net.Listen of " + network + " " + address)
		return nil, net.ErrClosed
	}
	n := here()
	n.mu.Lock()
	defer n.mu.Unlock()
	if tcp, ok := p.addr.(*net.TCPAddr); ok && p.port == 0 {
		for p.port = n.port + 1; n.listeners[p.key()] != nil; p.port++ {
		}
		n.port, tcp.Port = p.port, p.port
	}
	if n.listeners[p.key()] != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: p.addr, Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	l := &listener{n: n, place: p, backlog: channel.Make[*conn](backlog), done: channel.Make[struct{}](0)}
	n.listeners[p.key()] = l
	return l, nil
}

// backlog is how many connections wait for Accept before Dial waits too.
const backlog = 128

type listener struct {
	n       *network
	place   place
	backlog *channel.Chan[*conn]
	done    *channel.Chan[struct{}]
	once    sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	c := channel.Receiving(l.backlog)
	if channel.Poll(channel.Receiving(l.done)) == 0 || channel.Select(c, channel.Receiving(l.done)) == 1 {
		return nil, &net.OpError{Op: "accept", Net: l.place.kind, Addr: l.place.addr, Err: net.ErrClosed}
	}
	return c.Value(), nil
}

func (l *listener) Close() error {
	err := error(&net.OpError{Op: "close", Net: l.place.kind, Addr: l.place.addr, Err: net.ErrClosed})
	l.once.Do(func() {
		l.n.mu.Lock()
		delete(l.n.listeners, l.place.key())
		l.n.mu.Unlock()
		l.done.Close()
		for { // nobody accepts them any more
			c := channel.Receiving(l.backlog)
			if channel.Poll(c) != 0 {
				break
			}
			_ = c.Value().Close()
		}
		err = nil
	})
	return err
}

func (l *listener) Addr() net.Addr { return l.place.addr }

// Dial is the original's for loopback addresses and Unix sockets.
func Dial(network, address string) (net.Conn, error) { return DialTimeout(network, address, 0) }

// DialTimeout is Dial with a time limit, 0 for none.
func DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	p, err := find(network, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	if p.kind == "" {
		unmodelled("net.Dial of " + network + " " + address)
		return nil, net.ErrClosed
	}
	refused := func(err error) error { return &net.OpError{Op: "dial", Net: network, Addr: p.addr, Err: err} }
	n := here()
	n.mu.Lock()
	l := n.listeners[p.key()]
	from := p.addr
	if tcp, ok := p.addr.(*net.TCPAddr); ok {
		n.port++
		from = &net.TCPAddr{IP: tcp.IP, Port: n.port}
	}
	n.mu.Unlock()
	if l == nil {
		return nil, refused(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	client, server := connect(p.kind, from, p.addr, room)
	var late *channel.Chan[time.Time]
	if timeout > 0 {
		late = time.After(timeout)
	}
	cases := []channel.Case{channel.To(l.backlog).Sending(server), channel.Receiving(l.done)}
	if late != nil {
		cases = append(cases, channel.Receiving(late))
	}
	switch channel.Select(cases...) {
	case 1:
		return nil, refused(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	case 2:
		return nil, refused(os.ErrDeadlineExceeded)
	}
	return client, nil
}

// room is how many bytes may be unread before a Write waits.
const room = 64 << 10

// A stream is one direction of a connection.
type stream struct {
	mu      sync.Mutex
	room    int // 0: a Write waits until all is read
	unread  []byte
	writing bool                    // a Write is not through
	ended   bool                    // the writer's end is closed
	left    bool                    // the reader's end is closed
	changed *channel.Chan[struct{}] // closed with the next change
}

func newStream(room int) *stream {
	return &stream{room: room, changed: channel.Make[struct{}](0)}
}

// change lets everybody who waits look again. mu is held.
func (s *stream) change() {
	s.changed.Close()
	s.changed = channel.Make[struct{}](0)
}

func (s *stream) set(what *bool) {
	s.mu.Lock()
	if !*what {
		*what = true
		s.change()
	}
	s.mu.Unlock()
}

// await unlocks mu until something changes or the limit is reached.
func (s *stream) await(l *limit) {
	changed := s.changed
	s.mu.Unlock()
	at, moved := l.get()
	cases := []channel.Case{channel.Receiving(changed), channel.Receiving(moved)}
	if !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		cases = append(cases, channel.Receiving(timer.C))
	}
	channel.Select(cases...)
	s.mu.Lock()
}

// read waits for bytes. io.EOF says that there will be none, net.ErrClosed that the
// reader's end is closed.
func (s *stream) read(b []byte, l *limit) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.left:
			return 0, net.ErrClosed
		case l.passed():
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0 && s.room > 0:
			return 0, nil
		case len(s.unread) > 0:
			n := copy(b, s.unread)
			s.unread = s.unread[n:]
			s.change()
			return n, nil
		case s.ended:
			return 0, io.EOF
		}
		s.await(l)
	}
}

// write hands bytes over, after the Write that goes on. syscall.EPIPE says that the reader's
// end is closed, net.ErrClosed that the writer's is.
func (s *stream) write(b []byte, l *limit) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine, given := false, 0 // given is how many bytes of b were made readable
	for {
		n = given
		if s.room == 0 && mine {
			n -= len(s.unread) // what nobody has read was not written
		}
		switch {
		case s.ended:
			err = net.ErrClosed
		case s.left:
			err = syscall.EPIPE
		case l.passed():
			err = os.ErrDeadlineExceeded
		case !mine && s.writing:
			s.await(l)
			continue
		default:
			mine, s.writing = true, true
			if k := min(len(b)-given, s.free()); k > 0 {
				s.unread = append(s.unread, b[given:given+k]...)
				given += k
				s.change()
			}
			if given < len(b) || s.room == 0 && len(s.unread) > 0 {
				s.await(l)
				continue
			}
			n = given
		}
		if mine {
			s.writing = false
			if s.room == 0 {
				s.unread = nil
			}
			s.change()
		}
		return n, err
	}
}

// free is how many bytes more may be unread.
func (s *stream) free() int {
	if s.room == 0 {
		return math.MaxInt
	}
	return s.room - len(s.unread)
}

// A limit is a deadline that may be moved while somebody waits.
type limit struct {
	mu    sync.Mutex
	at    time.Time // zero: none
	moved *channel.Chan[struct{}]
}

func newLimit() *limit { return &limit{moved: channel.Make[struct{}](0)} }

func (l *limit) get() (time.Time, *channel.Chan[struct{}]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at, l.moved
}

// set sets limits together: who sees one of them sees all.
func set(at time.Time, limits ...*limit) {
	for _, l := range limits {
		l.mu.Lock()
	}
	for _, l := range limits {
		l.at = at
		l.moved.Close()
		l.moved = channel.Make[struct{}](0)
	}
	for _, l := range limits {
		l.mu.Unlock()
	}
}

func (l *limit) passed() bool {
	at, _ := l.get()
	return !at.IsZero() && !time.Now().Before(at)
}

// A conn is one end of a connection.
type conn struct {
	kind          string // tcp, unix or pipe
	local, remote net.Addr
	in, out       *stream
	read, write   *limit
	once          sync.Once
}

// connect returns the ends of a new connection.
func connect(kind string, a, b net.Addr, room int) (client, server *conn) {
	there, back := newStream(room), newStream(room)
	client = &conn{kind: kind, local: a, remote: b, in: back, out: there, read: newLimit(), write: newLimit()}
	server = &conn{kind: kind, local: b, remote: a, in: there, out: back, read: newLimit(), write: newLimit()}
	return client, server
}

// Pipe returns the ends of a connection in which a Write waits until all is read.
func Pipe() (net.Conn, net.Conn) {
	here()
	client, server := connect("pipe", pipeAddr{}, pipeAddr{}, 0)
	return client, server
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// failed is what an end says of an error of its stream.
func (c *conn) failed(op string, err error) error {
	switch {
	case err == nil || err == io.EOF:
		return err
	case c.kind != "pipe":
		if err == error(syscall.EPIPE) {
			err = os.NewSyscallError(op, syscall.EPIPE)
		}
		return &net.OpError{Op: op, Net: c.kind, Source: c.local, Addr: c.remote, Err: err}
	case err == net.ErrClosed || err == error(syscall.EPIPE):
		return io.ErrClosedPipe
	}
	return &net.OpError{Op: op, Net: "pipe", Err: err}
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.in.read(b, c.read)
	return n, c.failed("read", err)
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.out.write(b, c.write)
	return n, c.failed("write", err)
}

// Close closes both directions. What the other end hasn't read yet it still can.
func (c *conn) Close() error {
	err := c.failed("close", net.ErrClosed)
	if c.kind == "pipe" {
		err = nil
	}
	c.once.Do(func() {
		c.in.set(&c.in.left)
		c.out.set(&c.out.ended)
		err = nil
	})
	return err
}

// CloseRead and CloseWrite are those of TCP and Unix connections.
func (c *conn) CloseRead() error {
	c.in.set(&c.in.left)
	return nil
}

func (c *conn) CloseWrite() error {
	c.out.set(&c.out.ended)
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	set(t, c.read, c.write)
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error {
	set(t, c.read)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	set(t, c.write)
	return nil
}
