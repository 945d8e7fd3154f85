package rules

import (
	"fmt"
	"sync"

	"github.com/refbench/refbench/strategies"
)

func powerCases() []Case {
	return []Case{
		{
			Name:  "SeveralEqualsSingles",
			Rule:  "Taking or dropping n references at once gives what n single calls give.",
			power: strategies.PowerMulti,
			run:   severalEqualsSingles,
		},
		{
			Name:  "CountAtRest",
			Rule:  "While nobody takes or drops references Count returns their number.",
			power: strategies.PowerReader,
			when: func(p strategies.Promise) string {
				if p.Count == strategies.None {
					return "the promise says that the count can't be read"
				}
				return ""
			},
			run: countAtRest,
		},
		{
			Name:  "Resurrect",
			Rule:  "Resurrect takes a reference of a count whether it is dead or alive.",
			power: strategies.PowerResurrecter,
			run:   resurrect,
		},
		{
			Name:  "PutIfOne",
			Rule:  "PutIfOne drops the only reference and reports true; if there are others, or none, it changes nothing and reports false.",
			power: strategies.PowerOnePutter,
			run:   putIfOne,
		},
		{
			Name:  "PutUnlessOne",
			Rule:  "PutUnlessOne drops a reference and reports true; if it is the only one it changes nothing and reports false.",
			power: strategies.PowerOnePutter,
			run:   putUnlessOne,
		},
		{
			Name:  "PutAndLock",
			Rule:  "PutAndLock returns true with the lock held if it dropped the last reference, and otherwise false without having locked it.",
			power: strategies.PowerLockPutter,
			run:   putAndLock,
		},
		{
			Name:  "Modes",
			Rule:  "Switching modes, confirming Kill, undoing it and starting again change how references are counted but not how many there are.",
			power: strategies.PowerSwitcher,
			run:   modes,
		},
		{
			Name:  "MonitorReports",
			Rule:  "The monitor is told of misuse that the count refuses or saturates on, of the right kind, once a call, and of nothing else.",
			power: strategies.PowerMonitored,
			run:   monitorReports,
		},
	}
}

func (s *script) getN(n int) {
	s.call(fmt.Sprintf("GetN(%d)", n), void(func() { s.c.(strategies.Multi).GetN(n) }))
}

func (s *script) tryGetN(n int, want bool) {
	s.want(fmt.Sprintf("TryGetN(%d)", n), want, func() bool { return s.c.(strategies.Multi).TryGetN(n) })
}

func (s *script) putN(n int, last bool) {
	s.want(fmt.Sprintf("PutN(%d)", n), last, func() bool { return s.c.(strategies.Multi).PutN(n) })
}

func severalEqualsSingles(e *env) error {
	for range e.times(300) {
		several, singles := e.script(), e.script()
		several.init()
		singles.init()
		refs := 1
		for range 20 {
			n := 1 + e.rng.IntN(6)
			switch e.rng.IntN(3) {
			case 0:
				several.getN(n)
				for range n {
					singles.get()
				}
				refs += n
			case 1:
				if e.promise.TryGet != strategies.Exact {
					continue
				}
				several.tryGetN(n, true)
				for range n {
					singles.tryGet(true)
				}
				refs += n
			case 2:
				if refs <= n {
					continue
				}
				several.putN(n, false)
				for range n {
					singles.put(false)
				}
				refs -= n
			}
			several.count(int64(refs))
			singles.count(int64(refs))
		}
		if refs == 1 {
			several.getN(1)
			refs++
		}
		several.kill(false)
		several.putN(refs-1, true)
		several.tryGetN(2, false)
		several.tryGet(false)
		if several.err != nil {
			return several.err
		}
		if singles.err != nil {
			return singles.err
		}
	}
	return nil
}

func countAtRest(e *env) error {
	s := e.script()
	s.init()
	s.count(1)
	for i := range 20 {
		s.get()
		s.count(int64(i + 2))
	}
	s.kill(false)
	for i := range 20 {
		s.count(int64(20 - i))
		s.put(i == 19)
	}
	s.count(0)
	if s.err != nil {
		return s.err
	}

	// References that goroutines took and still hold, and some that they
	// dropped for each other.
	const workers, held = 4, 25
	c := e.s.New()
	c.Init()
	if err := e.race(workers, 1, race{
		body: func(w *worker) error {
			for i := range 4 * held {
				c.Get()
				if i%4 != 0 && c.Put() {
					return fmt.Errorf("goroutine %d: Put reported the last reference while the owner's is held", w.id)
				}
			}
			return nil
		},
	}); err != nil {
		return err
	}
	if got, want := c.(strategies.Reader).Count(), int64(1+workers*held); got != want {
		return fmt.Errorf("%d goroutines hold %d references each besides the owner's: Count returned %d, want %d", workers, held, got, want)
	}
	return nil
}

func resurrect(e *env) error {
	again := func(s *script) {
		s.call("Resurrect", void(s.c.(strategies.Resurrecter).Resurrect))
	}
	return together(func() *script {
		s := e.script()
		s.dead()
		again(s)
		s.count(1)
		s.tryGetAlive()
		s.put(false)
		s.put(true)
		s.tryGet(false)
		return s
	}, func() *script {
		s := e.script()
		s.live(1)
		again(s)
		s.count(2)
		s.put(false)
		s.put(true)
		return s
	})
}

func (s *script) putIfOne(want bool) {
	s.want("PutIfOne", want, s.c.(strategies.OnePutter).PutIfOne)
}

func (s *script) putUnlessOne(want bool) {
	s.want("PutUnlessOne", want, s.c.(strategies.OnePutter).PutUnlessOne)
}

func putIfOne(e *env) error {
	if err := together(func() *script {
		s := e.script()
		s.live(2)
		s.putIfOne(false)
		s.count(2)
		s.put(false)
		s.putIfOne(true)
		s.count(0)
		s.tryGet(false)
		s.putIfOne(false)
		s.tryGet(false)
		return s
	}); err != nil {
		return err
	}
	// Everybody tries to drop the one reference.
	s := e.script()
	return e.race(4, e.times(800), race{
		before: func() error { s.live(1); return s.err },
		body: func(w *worker) error {
			if s.c.(strategies.OnePutter).PutIfOne() {
				w.lasts++
			}
			return nil
		},
		lasts: 1,
	})
}

func putUnlessOne(e *env) error {
	if err := together(func() *script {
		s := e.script()
		s.live(3)
		s.putUnlessOne(true)
		s.count(2)
		s.putUnlessOne(true)
		s.count(1)
		s.putUnlessOne(false)
		s.count(1)
		s.put(true)
		return s
	}); err != nil {
		return err
	}
	// Everybody drops a reference, but one must find that it has the last.
	const workers = 4
	s := e.script()
	return e.race(workers, e.times(800), race{
		before: func() error { s.live(workers); return s.err },
		body: func(w *worker) error {
			if s.c.(strategies.OnePutter).PutUnlessOne() {
				return nil
			}
			if !s.c.Put() {
				return fmt.Errorf("goroutine %d: PutUnlessOne found the last reference, but Put then reported false", w.id)
			}
			w.lasts++
			return nil
		},
		lasts: 1,
	})
}

// A lockCount is a lock that counts its uses and complains of wrong ones.
type lockCount struct {
	locked, unlocked int
}

func (l *lockCount) Lock()      { l.locked++ }
func (l *lockCount) Unlock()    { l.unlocked++ }
func (l *lockCount) held() bool { return l.locked != l.unlocked }

func (s *script) putAndLock(last bool) {
	var l lockCount
	s.want("PutAndLock", last, func() bool { return s.c.(strategies.LockPutter).PutAndLock(&l) })
	if s.err != nil {
		return
	}
	if last && !l.held() {
		s.failf("PutAndLock returned true and left the lock free (%d locked, %d unlocked)", l.locked, l.unlocked)
	}
	if !last && l.locked+l.unlocked > 0 {
		s.failf("PutAndLock of a reference that wasn't the last used the lock (%d locked, %d unlocked)", l.locked, l.unlocked)
	}
}

func putAndLock(e *env) error {
	if err := together(func() *script {
		s := e.script()
		s.live(3)
		s.putAndLock(false)
		s.putAndLock(false)
		s.count(1)
		s.putAndLock(true)
		s.count(0)
		s.tryGet(false)
		return s
	}); err != nil {
		return err
	}
	// An object that is found under the lock is alive, because the last
	// drop and the removal happen under it.
	const workers = 4
	var mu sync.Mutex
	var findable bool
	s := e.script()
	return e.race(workers, e.times(800), race{
		before: func() error {
			s.live(workers)
			mu.Lock()
			findable = true
			mu.Unlock()
			return s.err
		},
		body: func(w *worker) error {
			drop := func() {
				if s.c.(strategies.LockPutter).PutAndLock(&mu) {
					findable = false
					w.lasts++
					mu.Unlock()
				}
			}
			w.pause()
			drop()
			for range 8 {
				w.pause()
				mu.Lock()
				found := findable
				got := found && s.c.TryGet()
				mu.Unlock()
				if found && !got && e.promise.TryGet == strategies.Exact {
					return fmt.Errorf("goroutine %d: found the object under the lock, but TryGet says that it is dead", w.id)
				}
				if got {
					drop()
				}
			}
			return nil
		},
		after: func() error {
			if !mu.TryLock() {
				return fmt.Errorf("all references are dropped, but the lock is held")
			}
			mu.Unlock()
			return nil
		},
		lasts: 1,
	})
}

func modes(e *env) error {
	sw := func(s *script) strategies.Switcher { return s.c.(strategies.Switcher) }
	live := func(s *script, want bool) { s.want("TryGetLive", want, sw(s).TryGetLive) }
	return together(func() *script {
		s := e.script()
		s.init()
		s.get()
		confirmed := 0
		s.want("KillAndConfirm", false, func() bool {
			return sw(s).KillAndConfirm(func() { confirmed++ })
		})
		if confirmed != 1 {
			s.failf("KillAndConfirm called confirm %d times before it returned, want 1", confirmed)
		}
		live(s, false)
		s.tryGetAlive()
		s.put(false)
		s.put(true)
		live(s, false)
		s.tryGet(false)
		return s
	}, func() *script {
		s := e.script()
		s.dead()
		s.call("Reinit", void(sw(s).Reinit))
		s.count(1)
		live(s, true)
		s.put(false)
		s.kill(true)
		return s
	}, func() *script {
		s := e.script()
		s.init()
		s.get()
		s.kill(false)
		s.call("ResurrectLive", void(sw(s).ResurrectLive))
		s.count(2)
		live(s, true)
		s.put(false)
		s.put(false)
		s.kill(true)
		return s
	}, func() *script {
		s := e.script()
		s.init()
		s.get()
		for range 3 {
			s.call("SwitchToAtomic", void(sw(s).SwitchToAtomic))
			s.count(2)
			s.get()
			s.tryGetAlive()
			s.put(false)
			s.call("SwitchToPerCPU", void(sw(s).SwitchToPerCPU))
			s.count(3)
			s.put(false)
			live(s, true)
			s.put(false)
		}
		s.kill(false)
		s.put(true)
		return s
	})
}
