package engine

import (
	"strconv"
	"unsafe"
)

func itoa(i int) string { return strconv.Itoa(i) }

// A Meta is what an explored object carries beside its value: which location of
// the running execution it is.
//
//	bits   meaning
//	0-23   index into Engine.locs
//	24-63  generation of the execution; another one means that it isn't known yet
type Meta struct{ v uint64 }

const metaIndex = 1<<24 - 1

// A Loc is a shared location of one execution.
type Loc struct {
	// ID names the location independently of the schedule as far as
	// possible: the thread that came to it first, and how many it had come
	// to before. What Setup touches has the same ID in every execution.
	//
	//	bits   meaning
	//	0-15   number among those that the thread found
	//	16-31  the thread's number, or setupLocs
	ID   uint32
	addr uintptr // for names

	// name is the ID in the hash of the state. Without the hash it is the ID;
	// with it, what a thread came to first also carries how the thread came
	// there, because the same thread may come to another object first in
	// another execution:
	//
	//	if flag.Load() == 0 { x.Store(1) } else { y.Store(1) }
	name uint64

	// Clock of the last release, for the happens-before check.
	vc    clock
	last  int8   // vc is what this thread's clock was ...
	ver   uint32 // ... at this version; -1: mixed
	set   uint64 // declared by SetAddr
	value uint64 // contribution to Engine.mem
}

func (l *Loc) clear(clocks int) {
	clear(l.vc[:clocks])
	l.last = -1
	l.value, l.set = 0, 0
}

// forget makes what t released last anybody's: its ID is given to another thread.
func (l *Loc) forget(t *Thread) {
	if int(l.last) == t.ID {
		l.last = -1
	}
}

// cellLocs is in the IDs of plain memory in pictures, where the number of the thread is
// in those of others.
const cellLocs = 0xfff0

// locCell is the ID of the cell with the number.
func locCell(cell uint32) uint32 { return cellLocs<<16 + cell%(1<<18) }

// setupLocs is in the IDs of locations that Setup finds, where the number of the thread
// is in others.
const setupLocs = 0xfffe

// InSetup reports which of the locations that Setup has found it is, from 0, and whether
// it is one of them.
func InSetup(loc uint32) (int, bool) { return int(loc & 0xffff), loc>>16 == setupLocs }

// loc returns the location of m.
func (e *Engine) loc(m *Meta) *Loc {
	if m.v&^metaIndex == e.gen {
		return &e.locs[m.v&metaIndex]
	}
	i := e.newLoc(uintptr(unsafe.Pointer(m)))
	m.v = e.gen | uint64(i)
	return &e.locs[i]
}

// locAddr returns the location of an address.
func (e *Engine) locAddr(p unsafe.Pointer) *Loc {
	v, found := e.addrs.at(p)
	if !found {
		*v = uint32(e.newLoc(uintptr(p)))
	}
	return &e.locs[*v]
}

func (e *Engine) newLoc(addr uintptr) int {
	t := e.cur
	if t == nil {
		panic(outsider)
	}
	i := len(e.locs)
	if i < cap(e.locs) {
		e.locs = e.locs[:i+1]
	} else {
		e.locs = append(e.locs, Loc{})
	}
	l := &e.locs[i]
	l.clear(max(e.most, e.n))
	l.addr = addr
	l.ID = uint32(t.Number)<<16 | t.newLocs&0xffff
	if t.outside {
		l.ID = setupLocs<<16 | t.newLocs&0xffff
	}
	l.name = uint64(l.ID)
	if e.hist && !t.outside {
		l.name = mix(l.name, t.hist)
	}
	t.newLocs++
	return i
}

// A namedRange is memory with a name.
type namedRange struct {
	from, size uintptr
	name       string
}

// NameAddr names the size bytes at p in messages and pictures.
func (e *Engine) NameAddr(p unsafe.Pointer, size uintptr, name string) {
	if e.trace {
		e.named = append(e.named, namedRange{uintptr(p), size, name})
	}
}

// LocName returns what messages call the location.
func (e *Engine) LocName(id uint32) string {
	switch {
	case id == NoLoc:
		return ""
	case id == LocCPUs:
		return "cpu"
	case id == LocClock:
		return "clock"
	case id == LocThreads:
		return "threads"
	}
	if n := e.nameOf(id); n != "" {
		return n
	}
	if n := e.called.of[id]; n != "" {
		return n
	}
	i, setup := InSetup(id)
	switch {
	case setup:
		return "variable " + itoa(i)
	case id >= cellLocs<<16:
		return ""
	}
	return "variable " + itoa(int(id&0xffff)) + " of T" + itoa(int(id>>16))
}

// nameOf returns the name of the smallest named memory around the location.
func (e *Engine) nameOf(id uint32) string {
	if len(e.named) == 0 {
		return ""
	}
	for i := range e.locs {
		if e.locs[i].ID != id {
			continue
		}
		best := -1
		for j, r := range e.named {
			if e.locs[i].addr-r.from < r.size && (best < 0 || r.size < e.named[best].size) {
				best = j
			}
		}
		if best >= 0 {
			return e.named[best].name
		}
	}
	return ""
}

// An addrTable maps addresses to numbers. It is emptied by counting up its
// generation. It keeps what it points to alive, so that an address means the
// same object for a whole execution.
type addrTable struct {
	slots []addrSlot
	n     int
	gen   uint32
}

type addrSlot struct {
	p   unsafe.Pointer
	gen uint32
	v   uint32
}

func (a *addrTable) reset() {
	a.n = 0
	a.gen++
	if a.gen == 0 {
		clear(a.slots)
		a.gen = 1
	}
}

// at returns the number of the address, and whether it had one.
func (a *addrTable) at(p unsafe.Pointer) (*uint32, bool) {
	if 2*a.n >= len(a.slots) {
		a.rehash()
	}
	mask := uint64(len(a.slots) - 1)
	for i := mix(uint64(uintptr(p)), 0) & mask; ; i = (i + 1) & mask {
		s := &a.slots[i]
		if s.gen != a.gen {
			*s = addrSlot{p: p, gen: a.gen}
			a.n++
			return &s.v, false
		}
		if s.p == p {
			return &s.v, true
		}
	}
}

func (a *addrTable) rehash() {
	old := a.slots
	a.slots = make([]addrSlot, max(64, 2*len(old)))
	a.n = 0
	for _, s := range old {
		if s.gen == a.gen && s.p != nil {
			v, _ := a.at(s.p)
			*v = s.v
		}
	}
}
