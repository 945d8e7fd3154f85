package workloads

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads/arena"
	"github.com/refbench/refbench/workloads/rcu"
	"github.com/refbench/refbench/workloads/spin"
)

// Unmount is the end of a mount in NetBSD puffs (sys/fs/puffs: pmp_refcount,
// puffs_mp_reference, puffs_mp_release and pmp_refcount_cv): every operation on a
// file system counts itself in and out, and unmounting waits on a condition
// variable until the last has left.
//
//   - A worker enters a mount, works in it, and leaves. Once the mount is being
//     unmounted nobody enters (IMNT_UNMOUNT, ENXIO), which doesn't count as an
//     operation. The last one to leave wakes the administrator.
//   - The administrator, a role, unmounts: it marks the mount, kills the owner's
//     reference, waits until the mount is drained, frees it, and mounts another
//     in its place.
//
// With locked=1 workers count themselves in and out under the mount's mutex, as
// puffs does. With locked=0, the default, they do it as the users of Linux
// percpu_ref (lib/percpu-refcount.c): the mount is found and entered with TryGet
// in an RCU read section, and left without a lock. What there is
// percpu_ref_kill_and_confirm is here the mark and Kill: from Kill on zero is
// detected exactly, and from the mark on only those enter who had begun to, so
// that the mount does drain under steady load.
//
// If unmounting didn't wait, operations would go on in a mount that was freed. If
// the wake-up were lost, unmounting would wait for ever; the workload finds that
// out from the workers' progress, not by the clock.
var Unmount = &Workload{
	Name:      "unmount",
	Doc:       "enter and leave mounts, while an administrator drains, frees and replaces them",
	Source:    "NetBSD sys/fs/puffs, pmp_refcount and its condition variable",
	Operation: "a mount entered, used and left",
	Knobs: []Knob{
		{Name: "mounts", Doc: "mounts", Default: 1, Min: 1, Max: 1024},
		{Name: "locked", Doc: "1: enter and leave under the mount's mutex, as puffs; 0: under RCU, as users of percpu_ref", Default: 0, Min: 0, Max: 1},
		{Name: "hold", Doc: "how long an operation stays in the mount, in ns", Default: 0, Min: 0, Max: 1_000_000},
		{Name: "pause", Doc: "time between two unmounts, in us", Default: 1000, Min: 1, Max: 1_000_000},
	},
	Wrong:    "unmounting doesn't wait until the mount is drained",
	NotWrong: "Kill waits until the mount is drained",
	Plan: Plan{
		Settings: "mounts=1,pause=1",
		Program:  "w0.Work w0.Work|w1.Work w1.Work|r0.Step r0.Step",
	},
	New: func(c Config) (Instance, error) {
		return NewDynamic(c, new(unmount[Dynamic, DynamicTimed]), new(unmount[Dynamic, DynamicChecked]))
	},
}

// mountState is a mount without its count (struct puffs_mount).
type mountState struct {
	// drained is set by the last one to leave. The mount point's mutex
	// guards it.
	drained bool
}

// A mountPoint is where mounts come and go.
type mountPoint[T any] struct {
	mu      sync.Mutex // pmp_lock
	drained sync.Cond  // pmp_refcount_cv; L is mu
	// mount is the one in this place. Its pointer is weak for all but the
	// administrator.
	mount atomic.Pointer[arena.Slot[T, mountState]]
	// leaving is set from before mount is killed until there is another.
	leaving atomic.Bool

	// owner and life belong to the administrator's reference.
	owner arena.Hold
	life  arena.Life
	_     [pin.LineBytes]byte
}

type unmount[T any, H Holder[T]] struct {
	arena   *arena.Arena[T, mountState]
	readers *rcu.Domain
	points  []mountPoint[T]
	workers []mountUser[T, H]
	locked  bool
	hold    int // loops of spin.For
	wrong   bool

	// draining is where the administrator waits, nil if it doesn't.
	draining atomic.Pointer[mountPoint[T]]

	// The rest is the administrator's.
	holder  H
	cache   *arena.Cache[T, mountState]
	retirer *rcu.Retirer[*arena.Slot[T, mountState]]
	rand    Rand
	pause   time.Duration
	inside  []uint64 // what the workers' calls were when a mount was killed
	early   uint64   // mounts that were released while the administrator owned them
	late    uint64   // mounts that nobody was in and that weren't drained
	revived uint64   // drained mounts that could be entered
}

type mountUser[T any, H Holder[T]] struct {
	holder H
	rand   Rand
	misses Misses
	// calls is odd while the worker is in Work. Outside of Work it is in no
	// mount.
	calls   atomic.Uint64
	stolen  uint64 // mounts that were released while this worker was in them
	early   uint64 // times that it was told to be the last to leave before Kill
	refused uint64 // mounts that TryGet found dead and that nobody was unmounting
	_       [pin.LineBytes]byte
}

func (u *unmount[T, H]) Setup(c Config, k Kit[T, H]) error {
	*u = unmount[T, H]{
		arena:   arena.New[T, mountState](k.Options(c)),
		readers: rcu.New(),
		points:  make([]mountPoint[T], c.Knob("mounts")),
		workers: make([]mountUser[T, H], c.Workers),
		locked:  c.Knob("locked") == 1,
		hold:    spin.Loops(time.Duration(c.Knob("hold"))),
		wrong:   c.Wrong,
		holder:  k.Holder("administrator"),
		rand:    NewRand(c.Seed, c.Workers),
		pause:   time.Duration(c.Knob("pause")) * time.Microsecond,
		inside:  make([]uint64, c.Workers),
	}
	if c.Wrong {
		// So that somebody is inside, on a single CPU too.
		u.hold = max(u.hold, spin.Loops(time.Microsecond))
	}
	u.cache = u.arena.Cache()
	u.retirer = rcu.NewRetirer(u.readers, u.cache.Recycle)
	for i := range u.points {
		u.points[i].drained.L = &u.points[i].mu
		u.mount(&u.points[i])
	}
	for i := range u.workers {
		u.workers[i].holder = k.Worker(i)
		u.workers[i].rand = NewRand(c.Seed, i)
	}
	return nil
}

// Work tries n operations in mounts and returns how many it did.
func (u *unmount[T, H]) Work(worker, n int) int {
	w := &u.workers[worker]
	w.calls.Add(1)
	done := 0
	for range n {
		p := &u.points[w.rand.Below(len(u.points))]
		m, h, life := u.enter(w, p)
		if m == nil {
			done += w.misses.Next() // ENXIO
			runtime.Gosched()       // Let the administrator go on.
			continue
		}
		w.misses.End()
		spin.For(u.hold)
		if u.wrong {
			runtime.Gosched() // the administrator's turn
		}
		w.holder.Use(&m.Object, h)
		if m.Life() != life {
			w.stolen++
		}
		u.leave(w, p, m, h)
		done++
	}
	u.stop(w)
	return done
}

// stop says that a worker is outside of Work, and lets the administrator look again
// who is still inside.
func (u *unmount[T, H]) stop(w *mountUser[T, H]) {
	w.calls.Add(1)
	if p := u.draining.Load(); p != nil {
		p.mu.Lock()
		p.drained.Broadcast()
		p.mu.Unlock()
	}
}

// enter returns the mount with a reference, or nil if it is being unmounted
// (puffs_mp_reference, percpu_ref_tryget_live).
func (u *unmount[T, H]) enter(w *mountUser[T, H], p *mountPoint[T]) (*arena.Slot[T, mountState], arena.Hold, arena.Life) {
	var section rcu.Section
	if u.locked {
		p.mu.Lock()
	} else {
		section = u.readers.Lock()
	}
	m, h, life := u.tryEnter(w, p)
	if u.locked {
		p.mu.Unlock()
	} else {
		u.readers.Unlock(section)
	}
	return m, h, life
}

func (u *unmount[T, H]) tryEnter(w *mountUser[T, H], p *mountPoint[T]) (*arena.Slot[T, mountState], arena.Hold, arena.Life) {
	for fails := 0; !p.leaving.Load(); {
		m := p.mount.Load()
		if h, ok := w.holder.TryGet(&m.Object); ok {
			return m, h, m.Life()
		}
		// Dead. That is right only if the administrator marked the mount
		// before, and unmarks it after it put another in its place. A
		// TryGet that may fail spuriously doesn't do so time and again.
		if !p.leaving.Load() && p.mount.Load() == m {
			if fails++; fails == mountPatience {
				w.refused++
				break
			}
		}
	}
	return nil, 0, 0
}

// mountPatience is how often TryGet may fail on a mount that nobody unmounts
// before the failure counts as wrong.
const mountPatience = 100

// leave drops a worker's reference to a mount. The last one wakes the
// administrator (puffs_mp_release).
func (u *unmount[T, H]) leave(w *mountUser[T, H], p *mountPoint[T], m *arena.Slot[T, mountState], h arena.Hold) {
	if u.locked {
		p.mu.Lock()
		if w.holder.Put(&m.Object, h) {
			u.left(w, p, m)
		}
		p.mu.Unlock()
		return
	}
	if w.holder.Put(&m.Object, h) {
		p.mu.Lock()
		u.left(w, p, m)
		p.mu.Unlock()
	}
}

// left tells the administrator that the last has left a mount. The caller holds
// the mutex.
func (u *unmount[T, H]) left(w *mountUser[T, H], p *mountPoint[T], m *arena.Slot[T, mountState]) {
	if !p.leaving.Load() {
		// The administrator's reference is still there.
		w.early++
	}
	m.Value.drained = true
	p.drained.Broadcast()
}

// mount puts a new mount in place and lets workers in.
func (u *unmount[T, H]) mount(p *mountPoint[T]) {
	m := u.cache.Alloc()
	h := u.holder.Init(&m.Object)
	p.mu.Lock()
	m.Value.drained = false
	p.owner, p.life = h, m.Life()
	p.mount.Store(m)
	p.leaving.Store(false)
	p.mu.Unlock()
}

// unmount drains a mount and frees it.
func (u *unmount[T, H]) unmount(p *mountPoint[T]) {
	p.mu.Lock()
	p.leaving.Store(true)
	m := p.mount.Load()
	if m.Life() != p.life {
		u.early++
	}
	p.mu.Unlock()
	// Kill may wait for those inside, who may need the mutex to leave.
	last := u.holder.Kill(&m.Object, p.owner)
	p.mu.Lock()
	if last {
		m.Value.drained = true
	}
	drained := u.wrong || u.drain(p, m)
	p.mu.Unlock()
	if !drained {
		u.late++
		return
	}
	if !u.wrong {
		if h, ok := u.holder.TryGet(&m.Object); ok {
			u.revived++
			u.holder.Put(&m.Object, h)
		}
	}
	if u.cache.End(m) {
		u.retirer.Retire(m)
	}
}

// drain waits until the mount, which was killed, is drained, and reports whether
// it is. The caller holds the mutex.
//
// It gives up if every worker has left its call of Work since the mount was
// killed: then nobody is inside, and the one who left last didn't say so. A worker
// says that it was the last under the mutex, before its call is over. So this is
// no race: with the mutex held, whoever sees the call to be over also sees what it
// said.
func (u *unmount[T, H]) drain(p *mountPoint[T], m *arena.Slot[T, mountState]) bool {
	u.draining.Store(p)
	for i := range u.workers {
		u.inside[i] = u.workers[i].calls.Load()
	}
	for !m.Value.drained && u.somebodyInside() {
		p.drained.Wait()
	}
	u.draining.Store(nil)
	return m.Value.drained
}

// somebodyInside reports whether a worker is still in the call of Work that it was
// in when the mount was killed.
func (u *unmount[T, H]) somebodyInside() bool {
	for i := range u.workers {
		if c := u.inside[i]; c%2 == 1 && u.workers[i].calls.Load() == c {
			return true
		}
	}
	return false
}

// Roles returns the administrator.
func (u *unmount[T, H]) Roles() []Role {
	return []Role{{Name: "administrator", Step: func() time.Duration {
		p := &u.points[u.rand.Below(len(u.points))]
		u.unmount(p)
		runtime.Gosched() // Some operations find no mount.
		u.mount(p)
		return u.pause
	}}}
}

func (u *unmount[T, H]) Close() Books {
	for i := range u.points {
		u.unmount(&u.points[i])
	}
	u.retirer.Flush()
	b := BooksOf(u.arena)
	b.Observe(judge.StolenReference, u.early, "mounts were released while the administrator owned them")
	b.Observe(judge.LateRelease, u.late, "mounts were left by everybody, and the last to leave was not told")
	b.Observe(judge.ResurrectedDead, u.revived, "mounts could be entered after they had been drained")
	for i := range u.workers {
		b.Observe(judge.StolenReference, u.workers[i].stolen, "mounts were released while worker %d was in them", i)
		b.Observe(judge.StolenReference, u.workers[i].early, "mounts were left last by worker %d while the administrator owned them", i)
		b.Observe(judge.StolenReference, u.workers[i].refused, "mounts refused worker %d though nobody unmounted them", i)
	}
	return b
}
