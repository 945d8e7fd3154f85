package bugs

import (
	"sync"
	syncatomic "sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/arena"
)

// The counts of the uses below are chosen when they start.
type counter = workloads.Dynamic

// A user is a worker or a role of a use.
type user[V any] struct {
	workloads.Holder[counter]
	cache *arena.Cache[counter, V]
}

// start begins a life and returns the object with its owner's reference.
func (u *user[V]) start() (*arena.Slot[counter, V], arena.Hold) {
	o := u.cache.Alloc()
	return o, u.Init(&o.Object)
}

// put and kill drop a reference, and release the object if it was the last.
func (u *user[V]) put(o *arena.Slot[counter, V], h arena.Hold) {
	if u.Put(&o.Object, h) {
		u.cache.Free(o)
	}
}

func (u *user[V]) kill(o *arena.Slot[counter, V], h arena.Hold) {
	if u.Kill(&o.Object, h) {
		u.cache.Free(o)
	}
}

// A site is where objects of a use live, and who uses them.
type site[V any] struct {
	wrong   bool
	arena   *arena.Arena[counter, V]
	workers []user[V]
	role    user[V]
}

// siteOf makes a site. typeStable says that memory of objects is used again at once.
func siteOf[V any](c workloads.Config, typeStable bool) site[V] {
	var options arena.Options[counter]
	var holder func(name string) workloads.Holder[counter]
	prepare := func(d *counter) { d.Counter = c.NewCounter() }
	if c.Checked {
		k := workloads.CheckedKit[counter](prepare)
		options, holder = k.Options(c), func(name string) workloads.Holder[counter] { return k.Holder(name) }
	} else {
		k := workloads.TimedKit[counter](prepare)
		options, holder = k.Options(c), func(name string) workloads.Holder[counter] { return k.Holder(name) }
	}
	options.TypeStable = typeStable
	s := site[V]{wrong: c.Wrong, arena: arena.New[counter, V](options)}
	for i := range c.Workers {
		s.workers = append(s.workers, user[V]{holder(workloads.WorkerName(i)), s.arena.Cache()})
	}
	s.role = user[V]{holder("role"), s.arena.Cache()}
	return s
}

// Roles returns none.
func (s *site[V]) Roles() []workloads.Role { return nil }

// role returns the one role of a use.
func role(name string, step func()) []workloads.Role {
	return []workloads.Role{{Name: name, Step: func() time.Duration { step(); return time.Microsecond }}}
}

// A use is a use of counts, right or wrong. do does one operation as a worker, and
// reports whether there was one to do.
type use interface {
	do(worker int) bool
	Roles() []workloads.Role
	Close() workloads.Books
}

// An instance is a use as a workload's.
type instance struct{ use }

func (i instance) Work(worker, n int) int {
	done := 0
	for range n {
		if i.do(worker) {
			done++
		}
	}
	return done
}

// A tunnel caches a route for each CPU. Worker i runs on CPU i: an operation looks the route
// up and keeps it in the CPU's slot. The role, on CPU 0, resets the tunnel: it drops every
// CPU's.
type tunnel struct {
	site[struct{}]
	slots []tunnelSlot
}

type tunnelSlot struct {
	mu    sync.Mutex
	route *arena.Slot[counter, struct{}]
	hold  arena.Hold
}

func newTunnel(c workloads.Config) use {
	return &tunnel{siteOf[struct{}](c, false), make([]tunnelSlot, c.Workers)}
}

func (t *tunnel) do(worker int) bool {
	me := &t.workers[worker]
	route, h := me.start()
	t.slots[worker].set(me, route, h)
	return true
}

// set puts a route with its reference into a slot and drops what was there.
func (s *tunnelSlot) set(me *user[struct{}], route *arena.Slot[counter, struct{}], h arena.Hold) {
	s.mu.Lock()
	old, oldHold := s.route, s.hold
	s.route, s.hold = route, h
	s.mu.Unlock()
	if old != nil {
		me.kill(old, oldHold)
	}
}

func (t *tunnel) Roles() []workloads.Role { return role("reset", t.reset) }

func (t *tunnel) reset() {
	for i := range t.slots {
		if t.wrong {
			i = 0 // the mistake: the slot of the CPU that it runs on, once for each CPU
		}
		t.slots[i].set(&t.role, nil, 0)
	}
}

// Close resets the tunnel, which is all that is done before its slots are freed.
func (t *tunnel) Close() workloads.Books {
	t.reset()
	return workloads.BooksOf(t.arena)
}

// A slim is an atomic count of three bits that wraps.
//
//	bits 31..29   the number of references, modulo 8
//	bits 28..0    0
type slim struct{ n syncatomic.Uint32 }

const slimOne = 1 << 29

func (c *slim) Init()      { c.n.Store(slimOne) }
func (c *slim) Get()       { c.n.Add(slimOne) }
func (c *slim) Put() bool  { return c.n.Add(-slimOne&(1<<32-1)) == 0 }
func (c *slim) Kill() bool { return c.Put() }

func (c *slim) TryGet() bool {
	for {
		n := c.n.Load()
		if n == 0 {
			return false
		}
		if c.n.CompareAndSwap(n, n+slimOne) {
			return true
		}
	}
}

var slimStrategy = &strategies.Strategy{
	Name: "slim", Doc: "an atomic word of three bits that wraps",
	Promise: strategies.Promise{
		Limit: 7, Width: 3, Overflow: strategies.Wraps, Underflow: strategies.Wraps, GetOnZero: strategies.Revives,
		Zero: strategies.Immediate, TryGet: strategies.Exact, Count: strategies.None, Progress: strategies.LockFree, Bytes: 4,
	},
	New: func() strategies.Counter { return new(slim) },
}

// A keyring is a session's keyring. An operation joins it, as the process is in it
// already, and looks a key up in it.
type keyring struct {
	site[struct{}]
	mu    sync.Mutex // joining and looking up
	ring  *arena.Slot[counter, struct{}]
	owner arena.Hold
}

func newKeyring(c workloads.Config) use {
	k := &keyring{site: siteOf[struct{}](c, false)}
	k.ring, k.owner = k.role.start()
	return k
}

func (k *keyring) do(worker int) bool {
	me, o := &k.workers[worker], &k.ring.Object
	k.mu.Lock()
	defer k.mu.Unlock()
	// Found by its name, with a reference.
	if h := me.Get(o); !k.wrong { // the mistake: it is the same, so there is nothing to do
		me.put(k.ring, h)
	}
	h := me.Get(o)
	me.Use(o, h)
	me.put(k.ring, h)
	return true
}

func (k *keyring) Close() workloads.Books {
	k.role.kill(k.ring, k.owner)
	return workloads.BooksOf(k.arena)
}

// A capped is an atomic count whose TryGet fails at its limit, three.
type capped struct{ word }

const cappedLimit = 3

func (c *capped) TryGet() bool {
	for {
		n := c.n.Load()
		if n == 0 || n >= cappedLimit {
			return false
		}
		if c.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

var cappedStrategy = &strategies.Strategy{
	Name: "capped", Doc: "an atomic word whose TryGet fails at the limit",
	Promise: strategies.Promise{
		Limit: cappedLimit, Overflow: strategies.Refuses, Underflow: strategies.Wraps, GetOnZero: strategies.Revives,
		Zero: strategies.Immediate, TryGet: strategies.Exact, Count: strategies.Exact, Progress: strategies.LockFree, Bytes: 4,
	},
	New: func() strategies.Counter { return new(capped) },
}

// A pipe has buffers that refer to one page. An operation is a tee, which makes another
// buffer for the page. The role consumes the oldest.
type pipe struct {
	site[struct{}]
	page  *arena.Slot[counter, struct{}]
	owner arena.Hold

	mu      sync.Mutex
	buffers []arena.Hold
}

const pipeBuffers = 4 // at most

func newPipe(c workloads.Config) use {
	p := &pipe{site: siteOf[struct{}](c, false)}
	p.page, p.owner = p.role.start()
	return p
}

func (p *pipe) do(worker int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.buffers) == pipeBuffers {
		return false
	}
	h, ok := p.workers[worker].TryGet(&p.page.Object)
	if !ok && !p.wrong { // the mistake: a buffer all the same
		return false
	}
	p.buffers = append(p.buffers, h)
	return true
}

func (p *pipe) Roles() []workloads.Role { return role("reader", p.consume) }

func (p *pipe) consume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.buffers) > 0 {
		h := p.buffers[0]
		p.buffers = p.buffers[1:]
		p.role.put(p.page, h)
	}
}

func (p *pipe) Close() workloads.Books {
	for len(p.buffers) > 0 {
		p.consume()
	}
	p.role.kill(p.page, p.owner)
	return workloads.BooksOf(p.arena)
}

// An fdTable has open files, whose memory is used again at once for others. An operation
// finds the first descriptor's file, uses it, and puts it. The role closes the open file
// and opens another at the other descriptor.
type fdTable struct {
	site[file]
	fds   [2]syncatomic.Pointer[arena.Slot[counter, file]]
	open  int // the descriptor that is
	hold  arena.Hold
	mixed syncatomic.Int64 // times that a worker got another descriptor's file
}

// A file says where it is open.
type file struct{ fd syncatomic.Int32 }

func newFDTable(c workloads.Config) use {
	t := &fdTable{site: siteOf[file](c, true)}
	t.install(0)
	return t
}

func (t *fdTable) install(fd int) {
	f := t.role.cache.Alloc()
	f.Value.fd.Store(int32(fd))
	t.open, t.hold = fd, t.role.Init(&f.Object)
	t.fds[fd].Store(f)
}

func (t *fdTable) close() { t.role.kill(t.fds[t.open].Swap(nil), t.hold) }

func (t *fdTable) Roles() []workloads.Role {
	return role("process", func() {
		t.close()
		t.install(1 - t.open)
	})
}

func (t *fdTable) do(worker int) bool {
	me := &t.workers[worker]
	f := t.fds[0].Load()
	if f == nil {
		return false
	}
	// It may be closed meanwhile, and the memory be another file's.
	h, ok := me.TryGet(&f.Object)
	if !ok {
		return false
	}
	if t.wrong || t.fds[0].Load() == f { // the mistake: it may be another's
		me.Use(&f.Object, h)
		if f.Value.fd.Load() != 0 {
			t.mixed.Add(1)
		}
	}
	me.put(f, h)
	return true
}

func (t *fdTable) Close() workloads.Books {
	t.close()
	b := workloads.BooksOf(t.arena)
	b.Observe(judge.UseAfterFree, uint64(t.mixed.Load()), "files were used that are another descriptor's")
	return b
}

// A freeList is a stack of slots for counted objects. An operation takes a slot, or gives
// the oldest back if the worker has two or can't have more.
type freeList struct {
	wrong, checked bool
	// head is the number of the first free slot, from 1, and in the right one above
	// it how often the head has changed:
	//
	//	bits 31..0    slot, 0: none
	//	bits 63..32   changes, 0 in the wrong one
	head    syncatomic.Uint64
	next    [4]syncatomic.Uint64 // of a slot
	users   [4]syncatomic.Int32
	shared  syncatomic.Int64 // times that a slot was in use twice
	objects [4]int           // what is in the slots, in the timed form
	workers []freeListWorker
}

type freeListWorker struct {
	slots        []uint64
	lives, given uint64
}

func newFreeList(c workloads.Config) use {
	l := &freeList{wrong: c.Wrong, checked: c.Checked, workers: make([]freeListWorker, c.Workers)}
	l.head.Store(1)
	l.next[1].Store(2)
	l.next[2].Store(3)
	return l
}

func (l *freeList) Roles() []workloads.Role { return nil }

// change returns what head becomes when slot is to be first.
func (l *freeList) change(head, slot uint64) uint64 {
	if l.wrong {
		return slot
	}
	return (head+1<<32)&^(1<<32-1) | slot
}

func (l *freeList) do(worker int) bool {
	me := &l.workers[worker]
	return len(me.slots) < 2 && l.take(me) || l.give(me)
}

func (l *freeList) take(me *freeListWorker) bool {
	for {
		h := l.head.Load()
		slot := h & (1<<32 - 1)
		if slot == 0 {
			return false
		}
		next := l.next[slot].Load()
		if !l.head.CompareAndSwap(h, l.change(h, next)) {
			continue
		}
		if !l.checked {
			l.objects[slot]++
		} else if l.users[slot].Add(1) > 1 {
			l.shared.Add(1)
		}
		me.slots, me.lives = append(me.slots, slot), me.lives+1
		return true
	}
}

func (l *freeList) give(me *freeListWorker) bool {
	if len(me.slots) == 0 {
		return false
	}
	slot := me.slots[0]
	me.slots, me.given = me.slots[1:], me.given+1
	if l.checked {
		l.users[slot].Add(-1)
	}
	for {
		h := l.head.Load()
		l.next[slot].Store(h & (1<<32 - 1))
		if l.head.CompareAndSwap(h, l.change(h, slot)) {
			return true
		}
	}
}

func (l *freeList) Close() workloads.Books {
	var b workloads.Books
	for i := range l.workers {
		for w := &l.workers[i]; l.give(w); {
		}
		b.Lives, b.Released = b.Lives+l.workers[i].lives, b.Released+l.workers[i].given
	}
	b.Observe(judge.UseAfterFree, uint64(l.shared.Load()), "times a slot was used by two objects at a time")
	return b
}

// A lastUse makes one object after the other, to which each worker has a reference. An
// operation uses the object for the last time and puts it. The role makes the next object
// when all have.
type lastUse struct {
	site[int]
	checked bool
	users   []lastUser

	turn   syncatomic.Uint64 // the number of the object, from 1
	left   syncatomic.Int64  // workers that haven't put it yet
	object *arena.Slot[counter, int]
}

type lastUser struct {
	hold arena.Hold
	turn uint64 // the last one
	seen int
}

func newLastUse(c workloads.Config) use {
	return &lastUse{site: siteOf[int](c, false), checked: c.Checked, users: make([]lastUser, c.Workers)}
}

func (l *lastUse) Roles() []workloads.Role { return role("owner", l.next) }

func (l *lastUse) next() {
	if l.left.Load() > 0 {
		return
	}
	var owner arena.Hold
	l.object, owner = l.role.start()
	for i := range l.users {
		l.users[i].hold = l.role.Get(&l.object.Object)
	}
	l.left.Store(int64(len(l.users)))
	l.role.kill(l.object, owner)
	l.turn.Add(1)
}

func (l *lastUse) do(worker int) bool {
	me, turn := &l.users[worker], l.turn.Load()
	if me.turn == turn {
		return false
	}
	me.turn = turn
	o, as := l.object, &l.workers[worker]
	if !l.wrong {
		l.use(me, as, o)
	}
	last := as.Put(&o.Object, me.hold)
	if l.wrong {
		l.use(me, as, o) // the mistake: it may be gone
	}
	if last {
		if !l.checked {
			o.Value++
		}
		as.cache.Free(o)
	}
	l.left.Add(-1)
	return true
}

func (l *lastUse) use(me *lastUser, as *user[int], o *arena.Slot[counter, int]) {
	as.Use(&o.Object, me.hold)
	if !l.checked {
		me.seen += o.Value
	}
}

func (l *lastUse) Close() workloads.Books {
	l.wrong = false // What is left is dropped as it should be.
	for i := range l.users {
		l.do(i)
	}
	return workloads.BooksOf(l.arena)
}

// A ring hands references on from worker to worker, the last to the first, through
// mailboxes. Each is passed on some times and then dropped by whoever has it. An operation is
// a turn: pass on what has come, as far as there is room, and hand over a new one.
type ring struct {
	site[struct{}]
	boxes []mailbox
}

// A mailbox is the one that a worker takes out of. The worker before it puts in.
type mailbox struct {
	in, out syncatomic.Uint64 // parcels ever put in and taken out
	parcels [ringRoom]ringParcel
}

// A ringParcel is an object's only reference on its way.
type ringParcel struct {
	object *arena.Slot[counter, struct{}]
	hold   arena.Hold
	passes int // left
}

const (
	ringRoom   = 2 // in a mailbox
	ringPasses = 2
)

// newRing makes a ring that has one place free, in the first worker's mailbox.
func newRing(c workloads.Config) use {
	r := &ring{siteOf[struct{}](c, false), make([]mailbox, c.Workers)}
	for i := range r.boxes {
		for to := r.next(i); to.waiting() < ringRoom && (to != &r.boxes[0] || to.waiting() < ringRoom-1); {
			r.handOver(i, to)
		}
	}
	return r
}

func (r *ring) next(worker int) *mailbox { return &r.boxes[(worker+1)%len(r.boxes)] }

func (m *mailbox) waiting() int { return int(m.in.Load() - m.out.Load()) }

func (m *mailbox) put(p ringParcel) {
	in := m.in.Load()
	m.parcels[in%ringRoom] = p
	m.in.Store(in + 1)
}

func (m *mailbox) take() ringParcel {
	out := m.out.Load()
	p := m.parcels[out%ringRoom]
	m.out.Store(out + 1)
	return p
}

func (r *ring) handOver(worker int, to *mailbox) {
	o, h := r.workers[worker].start()
	to.put(ringParcel{o, h, ringPasses})
}

func (r *ring) do(worker int) (acted bool) {
	me, to := &r.boxes[worker], r.next(worker)
	for to.waiting() < ringRoom && me.waiting() > 0 {
		p := me.take()
		if p.passes--; p.passes == 0 {
			r.workers[worker].kill(p.object, p.hold)
		} else {
			to.put(p)
		}
		acted = true
	}
	room := ringRoom / 2
	if r.wrong {
		room = ringRoom // the mistake: it may be the last place of all
	}
	if to.waiting() < room {
		r.handOver(worker, to)
		acted = true
	}
	return acted
}

func (r *ring) Close() workloads.Books {
	for i := range r.boxes {
		for r.boxes[i].waiting() > 0 {
			p := r.boxes[i].take()
			r.workers[i].kill(p.object, p.hold)
		}
	}
	return workloads.BooksOf(r.arena)
}

var useBugs = []*Bug{
	Bug{
		Name:   "tunnelreset",
		Doc:    "a loop over all CPUs that resets the current one's slot each time",
		Source: "Linux net/ipv6/ip6_tunnel.c, ip6_tnl_dst_reset in merge 244b7f432489: raw_cpu_ptr in for_each_possible_cpu",
		Interleaving: `CPU 0 and CPU 1 each cache a route, with a reference. CPU 0 resets the tunnel: it clears its
own slot twice, and never looks at CPU 1's. The slots are freed, and CPU 1's route leaks.`,
		Fix:      "per_cpu_ptr of the loop's CPU",
		Expected: misuse.but(Expected{"stress": sure, "race": nothingGone}),
	}.use(newTunnel, "a route cached", workloads.Plan{
		Program: "w0.Work r0.Step|w1.Work",
	}),
	Bug{
		Name:   "keyring",
		Doc:    "the path of an error, or of nothing to do, forgets its reference, until the count comes round",
		Source: "CVE-2016-0728 (Linux security/keys/process_keys.c, join_session_keyring); CVE-2014-2851 (ping_init_sock) leaks in the same way",
		Interleaving: `A process joins the keyring that it is in already, again and again. Each time a reference is
taken and none is put. After 2^32 times, here 2^3, the count is what it was. The next look-up gets
and puts, its put leaves 0, and the keyring is freed while its process has it.`,
		Fix:      "put on every path",
		Wraps:    true,
		Wrong:    slimStrategy,
		Expected: misuse.but(Expected{"stress": sure, "race": noThreads}),
	}.use(newKeyring, "a joining and a look-up", workloads.Plan{
		Before:  "w0.Work w0.Work w0.Work w0.Work w0.Work",
		Program: "w0.Work w0.Work",
	}),
	Bug{
		Name:   "ignoredfailure",
		Doc:    "a get that may fail at the limit, and a caller who goes on without a reference",
		Source: "CVE-2019-11487 (Linux 88b1a17dfc3e, 8fde12ca79af, 15fab63e1e57: get may fail and callers must look); CVE-2016-4558 (92117d8443bc) caps in the same way",
		Interleaving: `The page's count is at its limit, here 3. Another tee asks for a reference and is refused, and
makes its buffer all the same. When the buffers are consumed one more is put than was taken, and
the page is freed while its owner has it.`,
		Fix:      "look at what TryGet returns",
		Wrong:    cappedStrategy,
		Expected: misuse.but(Expected{"stress": sure, "race": noThreads}),
	}.use(newPipe, "a tee", workloads.Plan{
		Program: "w0.Work w0.Work w0.Work",
	}),
	Bug{
		Name:   "fdrecycled",
		Doc:    "a lookup in type-stable memory that doesn't look again after its TryGet",
		Source: "CVE-2021-4083 (Linux fs/file.c, __fget_files: the file must still be in the table after get_file_rcu)",
		Interleaving: `A thread loads the file of descriptor 0. Another closes it: its count is 0, it is freed, and a
file that is opened at descriptor 1 gets the same memory. The first thread's TryGet succeeds, on
the wrong file.`,
		Fix:        "look into the table again once the reference is there",
		Concurrent: true,
		Expected:   misuse.but(Expected{"race": allAtomic}),
	}.use(newFDTable, "a look-up", workloads.Plan{
		Program: "w0.Work|r0.Step",
	}),
	Bug{
		Name:   "freelist",
		Doc:    "a stack of free slots whose head can be the same again (ABA)",
		Source: "Akaros Documentation/kref.txt, sequence counters for memory that is used again; R. K. Treiber, Systems Programming: Coping with Parallelism, 1986",
		Interleaving: `A thread is about to take slot 1: it has read that 2 comes after it. Another takes 1 and 2 and
gives 1 back: the head is 1 again, and after it comes 3. The first thread's compare-and-swap of 1
for 2 succeeds: slot 2 is free and in use. The next one to take it shares its count.`,
		Fix:        "a number of changes beside the head",
		Concurrent: true,
		Expected:   misuse,
	}.use(newFreeList, "a slot taken or given back", workloads.Plan{
		Program: "w0.Work w0.Work|w1.Work w1.Work w1.Work",
	}),
	Bug{
		Name:   "lateuse",
		Doc:    "the last use of an object comes after the put, as on a machine where put has no release order",
		Source: "Linux Documentation/core-api/refcount-vs-atomic.rst, release order of decrements; kref.rst, rule 2",
		Interleaving: `Two holders. The first puts, and its last read of the object is still to come. The second puts,
is told of the last drop, and releases. The first reads what is gone.`,
		Fix:        "use, then put",
		Concurrent: true,
		Expected:   misuse.but(Expected{"stress": sure, "race": sure}),
	}.use(newLastUse, "a last use and its put", workloads.Plan{
		Before:  "r0.Step",
		Program: "w0.Work|w1.Work|r0.Step",
	}),
	Bug{
		Name:   "fullring",
		Doc:    "a ring of mailboxes, and senders who need room for one only",
		Source: "P. M. Merlin and P. J. Schweitzer, Deadlock Avoidance in Store-and-Forward Networks, IEEE Trans. Communications 28, 1980; workload handoff before its senders kept room",
		Interleaving: `Three of four places are taken. Thread 0, in whose mailbox is room, finds the next one full and
passes nothing on. Thread 1 passes one on to it: now thread 0's is full, and there is room in thread
1's. Thread 0 puts a new one there. Both wait for room in the other's for ever. Nobody blocks, and
the books balance.`,
		Fix:        "what is new is put only into a mailbox that is less than half full",
		Concurrent: true,
		Expected:   misuse.but(Expected{"race": allAtomic}),
	}.use(newRing, "a turn in which something is passed on", workloads.Plan{
		Program: "w0.Work w0.Work|w1.Work w1.Work",
	}),
}
