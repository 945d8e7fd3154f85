package workloads

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads/arena"
	"github.com/refbench/refbench/workloads/rcu"
	"github.com/refbench/refbench/workloads/spin"
)

// Dentry is the cache of directory entries of Akaros (kern/src/vfs.c), the example
// of resurrection in its Documentation/kref.txt.
//
//   - A worker has files open. It looks a name up under the cache's lock and takes
//     a reference, or makes a dentry if there is none (dcache_get, dcache_put).
//     When it closes the file it drops the reference. The last drop doesn't free:
//     it puts the dentry on the list of those that nobody uses, the least
//     recently used first (dentry_release).
//   - A hit on an unused dentry resurrects it: its count goes from 0 to 1, and it
//     leaves the list. Whoever looks up doesn't ask which it is, but takes a
//     reference blindly (__kref_get).
//   - The reaper frees the oldest unused dentries under the same lock, when there
//     are too many (dcache_prune).
//
// The lock keeps resurrection and freeing apart, but not resurrection and the last
// drop, which happens outside it:
//
//	A: Put, 1 to 0          B: hit, 0 to 1      B: Put, 1 to 0
//	A: gets the lock: the count is 0, so the dentry goes on the list
//	reaper: frees it                            B: gets the lock
//
// So whoever gets the lock after a last drop reads the count, and leaves alone what
// is in use or on the list already; and the memory of a dentry is used again only a
// grace period after it was freed, since B is still on its way.
//
// If a lookup read the count and then began the life anew or took a reference, as
// the document warns, the count could change in between, and so could the dentry's
// place on the list if that happened without the lock.
var Dentry = &Workload{
	Name:      "dentry",
	Doc:       "names found in a cache whose unused entries are resurrected on a hit or reaped",
	Source:    "Akaros kern/src/vfs.c, Documentation/kref.txt",
	Operation: "a file closed and another opened",
	Needs:     []strategies.Power{strategies.PowerResurrecter, strategies.PowerReader},
	NoWait:    "an unused entry stays in the cache, so that Kill would wait for users that come and go",
	Knobs: []Knob{
		{Name: "names", Doc: "names that are looked up", Default: 1024, Min: 1, Max: 1 << 17},
		{Name: "hot", Doc: "share of lookups that are for a sixteenth of the names, in percent", Default: 80, Min: 0, Max: 100},
		{Name: "open", Doc: "files that each worker has open", Default: 8, Min: 1, Max: 1 << 12},
		{Name: "keep", Doc: "unused dentries that the reaper leaves", Default: 256, Min: 0, Max: 1 << 17},
		{Name: "hold", Doc: "how long an operation on an open file takes, in ns", Default: 0, Min: 0, Max: 1_000_000},
		{Name: "pause", Doc: "time between two steps of the reaper, in us", Default: 1000, Min: 1, Max: 1_000_000},
	},
	Wrong: "a hit reads the count and then begins the life anew or takes a reference, without the lock",
	Plan: Plan{
		Settings: "names=1,open=1,keep=0,pause=1",
		Before:   "w0.Work",
		Program:  "w0.Work w0.Work|w1.Work w1.Work|r0.Step r0.Step",
	},
	New: func(c Config) (Instance, error) {
		return NewDynamicResurrect(c, new(dcache[DynamicResurrect, DynamicTimedResurrect]), new(dcache[DynamicResurrect, DynamicCheckedResurrect]))
	},
}

// A dentry is a name and what it stands for. All but uses is for whoever has the
// cache's lock.
type dentry[T any] struct {
	name         int
	unused       bool // on the list
	freed        bool
	older, newer *arena.Slot[T, dentry[T]] // on the list

	uses atomic.Uint64
}

// open makes it the dentry of a name, which is used.
func (d *dentry[T]) open(name int) { d.name, d.unused, d.freed = name, false, false }

// A dentryRef is an open file's reference.
type dentryRef[T any] struct {
	dentry *arena.Slot[T, dentry[T]]
	hold   arena.Hold
	life   arena.Life
	owner  bool // who made the dentry, and has the owner's reference
}

type dcache[T any, H ResurrectHolder[T]] struct {
	arena   *arena.Arena[T, dentry[T]]
	readers *rcu.Domain // those who drop references
	wrong   bool

	hot  int // percent
	keep int
	hold int // loops of spin.For

	mu sync.Mutex
	// table has an entry for every name. It is changed and, but for the wrong
	// variant, read under mu.
	table []atomic.Pointer[arena.Slot[T, dentry[T]]]
	// The list of unused dentries.
	oldest, newest *arena.Slot[T, dentry[T]]
	unused         int

	workers []dentryWorker[T, H]
	reaper  dentryReaper[T, H]
}

type dentryWorker[T any, H ResurrectHolder[T]] struct {
	holder H
	cache  *arena.Cache[T, dentry[T]]
	rand   Rand
	files  []dentryRef[T]
	next   int    // in files: the oldest
	early  uint64 // dentries freed while this worker had them open
	other  uint64 // lookups that found another name
	_      [pin.LineBytes]byte
}

// oldest returns the place of the file that was opened first. Next time it is
// another's turn.
func (w *dentryWorker[T, H]) oldest() *dentryRef[T] {
	f := &w.files[w.next]
	if w.next++; w.next == len(w.files) {
		w.next = 0
	}
	return f
}

type dentryReaper[T any, H ResurrectHolder[T]] struct {
	cache   *arena.Cache[T, dentry[T]]
	retirer *rcu.Retirer[*arena.Slot[T, dentry[T]]]
	pause   time.Duration
	victims []*arena.Slot[T, dentry[T]]
}

// dentryReap is how many dentries the reaper frees in a step: few enough to keep
// the lock for some microseconds only.
const dentryReap = 128

func (d *dcache[T, H]) Setup(c Config, k Kit[T, H]) error {
	*d = dcache[T, H]{
		arena:   arena.New[T, dentry[T]](k.Options(c)),
		readers: rcu.New(),
		wrong:   c.Wrong,
		hot:     c.Knob("hot"),
		keep:    c.Knob("keep"),
		hold:    spin.Loops(time.Duration(c.Knob("hold"))),
		table:   make([]atomic.Pointer[arena.Slot[T, dentry[T]]], c.Knob("names")),
		workers: make([]dentryWorker[T, H], c.Workers),
	}
	for i := range d.workers {
		w := &d.workers[i]
		w.holder = k.Worker(i)
		w.cache = d.arena.Cache()
		w.rand = NewRand(c.Seed, i)
		w.files = make([]dentryRef[T], c.Knob("open"))
	}
	d.reaper.cache = d.arena.Cache()
	d.reaper.retirer = rcu.NewRetirer(d.readers, d.reaper.cache.Recycle)
	d.reaper.pause = time.Duration(c.Knob("pause")) * time.Microsecond
	return nil
}

// Work closes n files and opens others.
func (d *dcache[T, H]) Work(worker, n int) int {
	w := &d.workers[worker]
	for range n {
		f := w.oldest()
		if f.dentry != nil {
			d.put(w, *f)
		}
		count := len(d.table)
		if d.hot > w.rand.Below(100) {
			count = (count + 15) / 16
		}
		name := w.rand.Below(count)
		*f = d.get(w, name)
		w.holder.Use(&f.dentry.Object, f.hold)
		f.dentry.Value.uses.Add(1)
		if f.dentry.Value.name != name {
			w.other++
		}
		spin.For(d.hold)
	}
	return n
}

// get returns the dentry of a name with a reference (dcache_get), or makes it.
func (d *dcache[T, H]) get(w *dentryWorker[T, H], name int) dentryRef[T] {
	if d.wrong {
		if f := d.hitWrong(w, name); f.dentry != nil {
			return f
		}
	}
	d.mu.Lock()
	f := d.hit(w, name)
	d.mu.Unlock()
	if f.dentry != nil {
		return f
	}
	// Reading what the name stands for from the disk takes long, and is not
	// done under the lock.
	e := w.cache.Alloc()
	e.Value.open(name)
	h := w.holder.Init(&e.Object)
	made := dentryRef[T]{e, h, e.Life(), true}
	d.mu.Lock()
	// Somebody else may have made it meanwhile (dcache_put returns that one).
	if f = d.hit(w, name); f.dentry == nil {
		d.table[name].Store(e)
		f = made
	}
	d.mu.Unlock()
	if f.dentry != e && w.holder.Kill(&e.Object, h) {
		w.cache.Free(e) // nobody has seen it
	}
	return f
}

// hit returns the dentry of a name with a reference, if there is one. The caller
// has the lock.
func (d *dcache[T, H]) hit(w *dentryWorker[T, H], name int) dentryRef[T] {
	e := d.table[name].Load()
	if e == nil {
		return dentryRef[T]{}
	}
	// Blindly: the last drop may come between a look at the count and what
	// is done about it.
	h := w.holder.Resurrect(&e.Object)
	d.unlist(e)
	return dentryRef[T]{e, h, e.Life(), false}
}

// hitWrong is what the document warns of.
func (d *dcache[T, H]) hitWrong(w *dentryWorker[T, H], name int) dentryRef[T] {
	section := d.readers.Lock()
	defer d.readers.Unlock(section)
	e := d.table[name].Load()
	if e == nil {
		return dentryRef[T]{}
	}
	f := dentryRef[T]{dentry: e, life: e.Life()}
	count := w.holder.Count(&e.Object)
	runtime.Gosched() // anybody else's turn
	if count == 0 {
		f.hold = w.holder.Init(&e.Object)
	} else {
		f.hold = w.holder.Get(&e.Object)
	}
	d.mu.Lock()
	if e.Life() == f.life {
		d.unlist(e)
	}
	d.mu.Unlock()
	return f
}

// enlist puts a dentry on the list of unused ones, as the newest. The caller has the
// lock.
func (d *dcache[T, H]) enlist(e *arena.Slot[T, dentry[T]]) {
	e.Value.unused = true
	e.Value.older = d.newest
	if d.newest != nil {
		d.newest.Value.newer = e
	} else {
		d.oldest = e
	}
	d.newest = e
	d.unused++
}

// unlist takes a dentry off the list of unused ones, if it is on it. The caller has
// the lock.
func (d *dcache[T, H]) unlist(e *arena.Slot[T, dentry[T]]) {
	v := &e.Value
	if !v.unused {
		return
	}
	v.unused = false
	d.unused--
	if v.older != nil {
		v.older.Value.newer = v.newer
	} else {
		d.oldest = v.newer
	}
	if v.newer != nil {
		v.newer.Value.older = v.older
	} else {
		d.newest = v.older
	}
	v.older, v.newer = nil, nil
}

// put drops a reference (kref_put). The read section lasts until the releaser is
// done with the dentry, which may be another's to free by then.
func (d *dcache[T, H]) put(w *dentryWorker[T, H], f dentryRef[T]) {
	e := f.dentry
	if e.Life() != f.life {
		w.early++
	}
	section := d.readers.Lock()
	var last bool
	if f.owner {
		last = w.holder.Kill(&e.Object, f.hold)
	} else {
		last = w.holder.Put(&e.Object, f.hold)
	}
	if last {
		d.release(w, f)
	}
	d.readers.Unlock(section)
}

// release puts a dentry that nobody uses on the list (dentry_release).
func (d *dcache[T, H]) release(w *dentryWorker[T, H], f dentryRef[T]) {
	e := f.dentry
	d.mu.Lock()
	// Since the drop it may have been resurrected, and dropped again, and
	// listed and freed by others.
	if e.Life() == f.life && !e.Value.freed && !e.Value.unused && w.holder.Count(&e.Object) == 0 {
		d.enlist(e)
	}
	d.mu.Unlock()
}

// reap frees the oldest unused dentries until only keep are left, or as many as
// fit into a step (dcache_prune), and reports how many.
func (d *dcache[T, H]) reap(keep int) int {
	r := &d.reaper
	r.victims = r.victims[:0]
	d.mu.Lock()
	for d.unused > keep && len(r.victims) < dentryReap {
		e := d.oldest
		d.unlist(e)
		d.table[e.Value.name].Store(nil)
		e.Value.freed = true
		if r.cache.End(e) {
			r.victims = append(r.victims, e)
		}
	}
	d.mu.Unlock()
	for _, e := range r.victims {
		r.retirer.Retire(e)
	}
	return len(r.victims)
}

// Roles returns the reaper.
func (d *dcache[T, H]) Roles() []Role {
	return []Role{{Name: "reaper", Step: func() time.Duration {
		d.reap(d.keep)
		return d.reaper.pause
	}}}
}

func (d *dcache[T, H]) Close() Books {
	for i := range d.workers {
		w := &d.workers[i]
		for _, f := range w.files {
			if f.dentry != nil {
				d.put(w, f)
			}
		}
	}
	for d.reap(0) > 0 {
	}
	d.reaper.retirer.Flush()
	b := BooksOf(d.arena)
	for i := range d.workers {
		w := &d.workers[i]
		b.Observe(judge.StolenReference, w.early, "dentries were freed while worker %d had them open", i)
		b.Observe(judge.UseAfterFree, w.other, "lookups of worker %d found another name", i)
	}
	return b
}
