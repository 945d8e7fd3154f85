package bugs

import (
	"sync"
	syncatomic "sync/atomic"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/atomic"
	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/arena"
)

// A tunnel caches a route for each CPU. Thread i runs on CPU i.
//
//	s  look the route up and keep it in this CPU's slot
//	r  reset: drop every CPU's
type tunnel struct {
	c     Config
	arena *arena.Arena[counter, struct{}]
	cpus  []tunnelCPU
}

type tunnelCPU struct {
	holder holder
	cache  *arena.Cache[counter, struct{}]

	mu    sync.Mutex // guards the slot
	route *arena.Slot[counter, struct{}]
	hold  arena.Hold
}

func startTunnel(c Config) Run {
	options, holders := c.kit(atomic.Strategy)
	t := &tunnel{c: c, arena: arena.New[counter, struct{}](options), cpus: make([]tunnelCPU, len(c.Program))}
	for i := range t.cpus {
		t.cpus[i].holder = holders(workloads.WorkerName(i))
		t.cpus[i].cache = t.arena.Cache()
	}
	return t
}

func (t *tunnel) Do(thread int, op string) {
	me := &t.cpus[thread]
	switch op {
	case "s":
		route := me.cache.Alloc()
		t.set(me, me, route, me.holder.Init(&route.Object))
	case "r":
		t.reset(me)
	}
}

// set puts a route with its reference into a CPU's slot and drops what was there.
func (t *tunnel) set(me, of *tunnelCPU, route *arena.Slot[counter, struct{}], h arena.Hold) {
	of.mu.Lock()
	old, oldHold := of.route, of.hold
	of.route, of.hold = route, h
	of.mu.Unlock()
	if old != nil && me.holder.Kill(&old.Object, oldHold) {
		me.cache.Free(old)
	}
}

func (t *tunnel) reset(me *tunnelCPU) {
	for i := range t.cpus {
		of := me // the mistake: this CPU's slot, once for each CPU
		if t.c.Fixed {
			of = &t.cpus[i]
		}
		t.set(me, of, nil, 0)
	}
}

func (t *tunnel) End(int) {}

// Close resets the tunnel, which is all that is done before its slots are freed.
func (t *tunnel) Close() {
	t.reset(&t.cpus[0])
	judgeBooks(t.c.Judge, workloads.BooksOf(t.arena))
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

var slimStrategy = strategy("slim", "an atomic word of three bits that wraps", strategies.Promise{
	Limit: 7, Width: 3, Overflow: strategies.Wraps, Underflow: strategies.Wraps, GetOnZero: strategies.Revives,
	Zero: strategies.Immediate, TryGet: strategies.Exact, Count: strategies.None, Progress: strategies.LockFree, Bytes: 4,
}, func() strategies.Counter { return new(slim) })

// A keyring is a session's keyring, which processes join.
//
//	j  join the keyring that is the process's already
//	u  look a key up in it
type keyring struct {
	c     Config
	arena *arena.Arena[counter, struct{}]
	ring  *arena.Slot[counter, struct{}]
	owner arena.Hold
	procs []holder
	cache []*arena.Cache[counter, struct{}]
}

// keyringJoined is how often it was joined before: two more times and the count has
// come round.
const keyringJoined = 5

func startKeyring(c Config) Run {
	options, holders := c.kit(slimStrategy)
	k := &keyring{c: c, arena: arena.New[counter, struct{}](options)}
	for i := range c.Program {
		k.procs = append(k.procs, holders(workloads.WorkerName(i)))
		k.cache = append(k.cache, k.arena.Cache())
	}
	k.ring = k.cache[0].Alloc()
	k.owner = k.procs[0].Init(&k.ring.Object)
	for range keyringJoined {
		k.Do(0, "j")
	}
	return k
}

func (k *keyring) Do(thread int, op string) {
	me, o := k.procs[thread], &k.ring.Object
	// Found by its name, with a reference.
	h := me.Get(o)
	me.Use(o, h)
	if op == "j" && !k.c.Fixed {
		return // the mistake: it is the same, so there is nothing to do
	}
	if me.Put(o, h) {
		k.cache[thread].Free(k.ring)
	}
}

func (k *keyring) End(int) {}

func (k *keyring) Close() {
	if k.procs[0].Kill(&k.ring.Object, k.owner) {
		k.cache[0].Free(k.ring)
	}
	judgeBooks(k.c.Judge, workloads.BooksOf(k.arena))
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

var cappedStrategy = strategy("capped", "an atomic word whose TryGet fails at the limit", strategies.Promise{
	Limit: cappedLimit, Overflow: strategies.Refuses, Underflow: strategies.Wraps, GetOnZero: strategies.Revives,
	Zero: strategies.Immediate, TryGet: strategies.Exact, Count: strategies.Exact, Progress: strategies.LockFree, Bytes: 4,
}, func() strategies.Counter { return new(capped) })

// A pipe has buffers that refer to one page.
//
//	t  tee: another buffer for the page
//	c  consume the oldest buffer
type pipe struct {
	c     Config
	arena *arena.Arena[counter, struct{}]
	page  *arena.Slot[counter, struct{}]
	owner arena.Hold
	ends  []pipeEnd
}

// A pipeEnd is a thread's.
type pipeEnd struct {
	holder  holder
	cache   *arena.Cache[counter, struct{}]
	buffers []arena.Hold
}

func startPipe(c Config) Run {
	options, holders := c.kit(cappedStrategy)
	p := &pipe{c: c, arena: arena.New[counter, struct{}](options), ends: make([]pipeEnd, len(c.Program))}
	for i := range p.ends {
		p.ends[i].holder = holders(workloads.WorkerName(i))
		p.ends[i].cache = p.arena.Cache()
	}
	p.page = p.ends[0].cache.Alloc()
	p.owner = p.ends[0].holder.Init(&p.page.Object)
	return p
}

func (p *pipe) Do(thread int, op string) {
	e := &p.ends[thread]
	switch {
	case op == "t":
		h, ok := e.holder.TryGet(&p.page.Object)
		if ok || !p.c.Fixed { // the mistake: a buffer all the same
			e.buffers = append(e.buffers, h)
		}
	case op == "c" && len(e.buffers) > 0:
		h := e.buffers[0]
		e.buffers = e.buffers[1:]
		if e.holder.Put(&p.page.Object, h) {
			e.cache.Free(p.page)
		}
	}
}

func (p *pipe) End(thread int) {
	for len(p.ends[thread].buffers) > 0 {
		p.Do(thread, "c")
	}
}

func (p *pipe) Close() {
	e := &p.ends[0]
	if e.holder.Kill(&p.page.Object, p.owner) {
		e.cache.Free(p.page)
	}
	judgeBooks(p.c.Judge, workloads.BooksOf(p.arena))
}

// An fdTable has open files, whose memory is used again at once for others.
//
//	f  fget: find the first descriptor's file, use it, and put it
//	m  close the open file and open another at the other descriptor
type fdTable struct {
	c       Config
	arena   *arena.Arena[counter, file]
	threads []fdThread

	mu   sync.Mutex // changes of the table
	fds  [2]syncatomic.Pointer[arena.Slot[counter, file]]
	open int // the descriptor that is
	hold arena.Hold

	mixed syncatomic.Int64 // times that a thread got another descriptor's file
}

// A file says where it is open.
type file struct{ fd syncatomic.Int32 }

type fdThread struct {
	holder holder
	cache  *arena.Cache[counter, file]
}

func startFDTable(c Config) Run {
	options, holders := c.kit(atomic.Strategy)
	options.TypeStable = true
	t := &fdTable{c: c, arena: arena.New[counter, file](options), threads: make([]fdThread, len(c.Program))}
	for i := range t.threads {
		t.threads[i] = fdThread{holders(workloads.WorkerName(i)), t.arena.Cache()}
	}
	t.install(&t.threads[0], 0)
	return t
}

func (t *fdTable) install(me *fdThread, fd int) {
	f := me.cache.Alloc()
	f.Value.fd.Store(int32(fd))
	t.open, t.hold = fd, me.holder.Init(&f.Object)
	t.fds[fd].Store(f)
}

func (t *fdTable) close(me *fdThread) {
	if f := t.fds[t.open].Swap(nil); me.holder.Kill(&f.Object, t.hold) {
		me.cache.Free(f)
	}
}

func (t *fdTable) Do(thread int, op string) {
	me := &t.threads[thread]
	switch op {
	case "m":
		t.mu.Lock()
		t.close(me)
		t.install(me, 1-t.open)
		t.mu.Unlock()
	case "f":
		f := t.fds[0].Load()
		if f == nil {
			return
		}
		// It may be closed meanwhile, and the memory be another file's.
		h, ok := me.holder.TryGet(&f.Object)
		if !ok {
			return
		}
		if t.c.Fixed && t.fds[0].Load() != f {
			t.put(me, f, h)
			return
		}
		me.holder.Use(&f.Object, h)
		if f.Value.fd.Load() != 0 {
			t.mixed.Add(1)
		}
		t.put(me, f, h)
	}
}

func (t *fdTable) put(me *fdThread, f *arena.Slot[counter, file], h arena.Hold) {
	if me.holder.Put(&f.Object, h) {
		me.cache.Free(f)
	}
}

func (t *fdTable) End(int) {}

func (t *fdTable) Close() {
	t.close(&t.threads[0])
	b := workloads.BooksOf(t.arena)
	b.Observe(judge.UseAfterFree, uint64(t.mixed.Load()), "files were used that are another descriptor's")
	judgeBooks(t.c.Judge, b)
}

// A freeList is a stack of slots for counted objects.
//
//	a  take a slot
//	f  give the oldest slot that the thread has back
type freeList struct {
	c Config
	// head is the number of the first free slot, from 1, and in the twin above
	// it how often the head has changed:
	//
	//	bits 31..0    slot, 0: none
	//	bits 63..32   changes, 0 in the wrong one
	head    syncatomic.Uint64
	next    [4]syncatomic.Uint64 // of a slot
	users   [4]syncatomic.Int32
	objects [4]int     // what is in the slots, in bare runs
	threads [][]uint64 // slots
}

func startFreeList(c Config) Run {
	l := &freeList{c: c, threads: make([][]uint64, len(c.Program))}
	l.head.Store(1)
	l.next[1].Store(2)
	l.next[2].Store(3)
	return l
}

// change returns what head becomes when slot is to be first.
func (l *freeList) change(head, slot uint64) uint64 {
	if !l.c.Fixed {
		return slot
	}
	return (head+1<<32)&^(1<<32-1) | slot
}

func (l *freeList) Do(thread int, op string) {
	mine := &l.threads[thread]
	switch {
	case op == "a":
		for {
			h := l.head.Load()
			slot := h & (1<<32 - 1)
			if slot == 0 {
				return
			}
			next := l.next[slot].Load()
			if !l.head.CompareAndSwap(h, l.change(h, next)) {
				continue
			}
			if l.c.Bare {
				l.objects[slot]++
			} else if n := l.users[slot].Add(1); n > 1 {
				l.c.Judge.Failf("slot %d is used by %d objects at a time", slot, n)
			}
			*mine = append(*mine, slot)
			return
		}
	case op == "f" && len(*mine) > 0:
		slot := (*mine)[0]
		*mine = (*mine)[1:]
		if !l.c.Bare {
			l.users[slot].Add(-1)
		}
		for {
			h := l.head.Load()
			l.next[slot].Store(h & (1<<32 - 1))
			if l.head.CompareAndSwap(h, l.change(h, slot)) {
				return
			}
		}
	}
}

func (l *freeList) End(thread int) {
	for len(l.threads[thread]) > 0 {
		l.Do(thread, "f")
	}
}

func (l *freeList) Close() {}

// A lastUse is an object that each thread uses for the last time when it puts.
//
//	p  use and put
type lastUse struct {
	c       Config
	arena   *arena.Arena[counter, int]
	object  *arena.Slot[counter, int]
	owner   arena.Hold
	threads []lastUser
}

type lastUser struct {
	holder holder
	cache  *arena.Cache[counter, int]
	hold   arena.Hold
	put    bool
	seen   int
}

func startLastUse(c Config) Run {
	options, holders := c.kit(atomic.Strategy)
	l := &lastUse{c: c, arena: arena.New[counter, int](options), threads: make([]lastUser, len(c.Program))}
	for i := range l.threads {
		l.threads[i].holder, l.threads[i].cache = holders(workloads.WorkerName(i)), l.arena.Cache()
	}
	l.object = l.threads[0].cache.Alloc()
	l.owner = l.threads[0].holder.Init(&l.object.Object)
	for i := range l.threads {
		l.threads[i].hold = l.threads[i].holder.Get(&l.object.Object)
	}
	l.drop(0, l.threads[0].holder.Kill(&l.object.Object, l.owner))
	return l
}

func (l *lastUse) Do(thread int, op string) {
	t := &l.threads[thread]
	if op != "p" || t.put {
		return
	}
	t.put = true
	if l.c.Fixed {
		l.use(t)
	}
	last := t.holder.Put(&l.object.Object, t.hold)
	if !l.c.Fixed {
		l.use(t) // the mistake: it may be gone
	}
	l.drop(thread, last)
}

func (l *lastUse) use(t *lastUser) {
	t.holder.Use(&l.object.Object, t.hold)
	if l.c.Bare {
		t.seen += l.object.Value
	}
}

func (l *lastUse) drop(thread int, last bool) {
	if !last {
		return
	}
	if l.c.Bare {
		l.object.Value++
	}
	l.threads[thread].cache.Free(l.object)
}

func (l *lastUse) End(thread int) { l.Do(thread, "p") }

func (l *lastUse) Close() { judgeBooks(l.c.Judge, workloads.BooksOf(l.arena)) }

// A ring hands references on from thread to thread, the last to the first, through
// mailboxes. Each is passed on some times and then dropped by whoever has it.
//
//	t  a turn: pass on what has come, as far as there is room, and hand over a new one
type ring struct {
	c       Config
	arena   *arena.Arena[counter, struct{}]
	threads []ringThread
}

type ringThread struct {
	holder holder
	cache  *arena.Cache[counter, struct{}]

	// The mailbox that the thread takes out of. The one before it puts in.
	in, out syncatomic.Uint64 // parcels ever put in and taken out
	inbox   [ringRoom]ringParcel
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

// startRing makes a ring that has one place free, in the first thread's mailbox.
func startRing(c Config) Run {
	options, holders := c.kit(atomic.Strategy)
	r := &ring{c: c, arena: arena.New[counter, struct{}](options), threads: make([]ringThread, len(c.Program))}
	for i := range r.threads {
		r.threads[i].holder = holders(workloads.WorkerName(i))
		r.threads[i].cache = r.arena.Cache()
	}
	for i := range r.threads {
		for to := r.next(i); to.waiting() < ringRoom && (to != &r.threads[0] || to.waiting() < ringRoom-1); {
			r.handOver(&r.threads[i], to)
		}
	}
	return r
}

func (r *ring) next(thread int) *ringThread { return &r.threads[(thread+1)%len(r.threads)] }

func (t *ringThread) waiting() int { return int(t.in.Load() - t.out.Load()) }

func (t *ringThread) put(p ringParcel) {
	in := t.in.Load()
	t.inbox[in%ringRoom] = p
	t.in.Store(in + 1)
}

func (t *ringThread) take() ringParcel {
	out := t.out.Load()
	p := t.inbox[out%ringRoom]
	t.out.Store(out + 1)
	return p
}

func (r *ring) handOver(me, to *ringThread) {
	o := me.cache.Alloc()
	to.put(ringParcel{o, me.holder.Init(&o.Object), ringPasses})
}

// drop drops an object's only reference.
func (r *ring) drop(me *ringThread, p ringParcel) {
	if me.holder.Kill(&p.object.Object, p.hold) {
		me.cache.Free(p.object)
	}
}

func (r *ring) Do(thread int, op string) {
	if op == "t" {
		r.turn(thread)
	}
}

// turn reports whether the thread could do anything.
func (r *ring) turn(thread int) bool {
	me, to := &r.threads[thread], r.next(thread)
	acted := false
	for to.waiting() < ringRoom && me.waiting() > 0 {
		p := me.take()
		if p.passes--; p.passes == 0 {
			r.drop(me, p)
		} else {
			to.put(p)
		}
		acted = true
	}
	room := ringRoom // the mistake: it may be the last place of all
	if r.c.Fixed {
		room = ringRoom / 2
	}
	if to.waiting() < room {
		r.handOver(me, to)
		acted = true
	}
	return acted
}

func (r *ring) End(int) {}

func (r *ring) Close() {
	stuck := true
	for i := range r.threads {
		stuck = stuck && !r.turn(i) // or else nothing has changed for the next
	}
	for i := range r.threads {
		for me := &r.threads[i]; me.waiting() > 0; {
			r.drop(me, me.take())
		}
	}
	judgeBooks(r.c.Judge, workloads.BooksOf(r.arena))
	if stuck {
		r.c.Judge.Failf("nobody can go on: every mailbox is full, and each waits for room in the next")
	}
}

var useBugs = []*Bug{
	{
		Name:   "tunnelreset",
		Doc:    "a loop over all CPUs that resets the current one's slot each time",
		Source: "Linux net/ipv6/ip6_tunnel.c, ip6_tnl_dst_reset in merge 244b7f432489: raw_cpu_ptr in for_each_possible_cpu",
		Interleaving: `CPU 0 and CPU 1 each cache a route, with a reference. CPU 0 resets the tunnel: it clears its
own slot twice, and never looks at CPU 1's. The slots are freed, and CPU 1's route leaks.`,
		Fix:     "per_cpu_ptr of the loop's CPU",
		Program: []string{"s r", "s"}, CPUs: 2, Repeat: 1,
		Sights: misuse(sure, blind(nothingGone)),
		start:  startTunnel,
	},
	{
		Name:   "keyring",
		Doc:    "the path of an error, or of nothing to do, forgets its reference, until the count comes round",
		Source: "CVE-2016-0728 (Linux security/keys/process_keys.c, join_session_keyring); CVE-2014-2851 (ping_init_sock) leaks in the same way",
		Interleaving: `A process joins the keyring that it is in already, again and again. Each time a reference is
taken and none is put. After 2^32 times, here 2^3, the count is what it was. The next look-up gets
and puts, its put leaves 0, and the keyring is freed while its process has it.`,
		Fix:     "put on every path",
		Program: []string{"j j u"}, CPUs: 2, Repeat: 1, Wraps: true,
		Sights: misuse(sure, blind(noThreads)),
		start:  startKeyring,
	},
	{
		Name:   "ignoredfailure",
		Doc:    "a get that may fail at the limit, and a caller who goes on without a reference",
		Source: "CVE-2019-11487 (Linux 88b1a17dfc3e, 8fde12ca79af, 15fab63e1e57: get may fail and callers must look); CVE-2016-4558 (92117d8443bc) caps in the same way",
		Interleaving: `The page's count is at its limit, here 3. Another tee asks for a reference and is refused, and
makes its buffer all the same. When the buffers are consumed one more is put than was taken, and
the page is freed while its owner has it.`,
		Fix:     "look at what TryGet returns",
		Program: []string{"t t t"}, CPUs: 2, Repeat: 1,
		Sights: misuse(sure, blind(noThreads)),
		start:  startPipe,
	},
	{
		Name:   "fdrecycled",
		Doc:    "a lookup in type-stable memory that doesn't look again after its TryGet",
		Source: "CVE-2021-4083 (Linux fs/file.c, __fget_files: the file must still be in the table after get_file_rcu)",
		Interleaving: `A thread loads the file of descriptor 0. Another closes it: its count is 0, it is freed, and a
file that is opened at descriptor 1 gets the same memory. The first thread's TryGet succeeds, on
the wrong file.`,
		Fix:     "look into the table again once the reference is there",
		Program: []string{"f", "m"}, CPUs: 2, Repeat: 50, Concurrent: true,
		Sights: misuse(luck, blind(allAtomic)),
		start:  startFDTable,
	},
	{
		Name:   "freelist",
		Doc:    "a stack of free slots whose head can be the same again (ABA)",
		Source: "Akaros Documentation/kref.txt, sequence counters for memory that is used again; R. K. Treiber, Systems Programming: Coping with Parallelism, 1986",
		Interleaving: `A thread is about to take slot 1: it has read that 2 comes after it. Another takes 1 and 2 and
gives 1 back: the head is 1 again, and after it comes 3. The first thread's compare-and-swap of 1
for 2 succeeds: slot 2 is free and in use. The next one to take it shares its count.`,
		Fix:     "a number of changes beside the head",
		Program: []string{"a a", "a a f"}, CPUs: 2, Repeat: 1, Concurrent: true,
		Sights: misuse(luck, luck),
		start:  startFreeList,
	},
	{
		Name:   "lateuse",
		Doc:    "the last use of an object comes after the put, as on a machine where put has no release order",
		Source: "Linux Documentation/core-api/refcount-vs-atomic.rst, release order of decrements; kref.rst, rule 2",
		Interleaving: `Two holders. The first puts, and its last read of the object is still to come. The second puts,
is told of the last drop, and releases. The first reads what is gone.`,
		Fix:     "use, then put",
		Program: []string{"p", "p"}, CPUs: 2, Repeat: 1, Concurrent: true,
		Sights: misuse(sure, sure),
		start:  startLastUse,
	},
	{
		Name:   "fullring",
		Doc:    "a ring of mailboxes, and senders who need room for one only",
		Source: "P. M. Merlin and P. J. Schweitzer, Deadlock Avoidance in Store-and-Forward Networks, IEEE Trans. Communications 28, 1980; workload handoff before its senders kept room",
		Interleaving: `Three of four places are taken. Thread 0, in whose mailbox is room, finds the next one full and
passes nothing on. Thread 1 passes one on to it: now thread 0's is full, and there is room in thread
1's. Thread 0 puts a new one there. Both wait for room in the other's for ever. Nobody blocks, and
the books balance.`,
		Fix:     "what is new is put only into a mailbox that is less than half full",
		Program: []string{"t", "t"}, CPUs: 2, Repeat: 100, Concurrent: true,
		Sights: misuse(luck, blind(allAtomic)),
		start:  startRing,
	},
}
