package sync

import "github.com/refbench/refbench/fuzz/explore/internal/engine"

// A Map is a map that goroutines may share. Its zero value is empty.
type Map struct {
	m     engine.Meta
	v     map[any]any
	order []any  // keys, in the order in which they were stored first
	seen  any    // the key that was looked at last
	n     uint64 // what stands for the contents in the state
}

func (m *Map) before(k engine.OpKind) {
	if e := engine.Current; e != nil {
		e.Before(k, &m.m)
	}
	if m.v == nil {
		m.v = make(map[any]any)
	}
}

func (m *Map) after(k engine.OpKind, wrote bool) {
	e := engine.Current
	if e == nil {
		return
	}
	old := m.n
	if wrote {
		m.n = e.Contents(old)
		e.Writes++
	}
	if e.Noting() {
		e.After(&m.m, engine.Access{Kind: k, Old: old, New: m.n, Seen: old, Wrote: wrote})
	}
}

// looks is called before a look at the key. Whoever looks at one key after the other
// doesn't wait for a change.
func (m *Map) looks(key any) {
	if e := engine.Current; e != nil && m.seen != key {
		m.seen = key
		e.Elsewhere()
	}
}

// allKeys is what Range looks at before it looks at each key.
type allKeys struct{}

func (m *Map) set(key, value any) {
	if _, ok := m.v[key]; !ok {
		m.order = append(m.order, key)
	}
	m.v[key] = value
}

func (m *Map) remove(key any) {
	delete(m.v, key)
	for i, k := range m.order {
		if k == key {
			m.order = append(m.order[:i:i], m.order[i+1:]...)
			return
		}
	}
}

// Load returns the value of the key, and whether there is one.
func (m *Map) Load(key any) (value any, ok bool) {
	m.before(engine.OpLoad)
	value, ok = m.v[key]
	m.looks(key)
	m.after(engine.OpLoad, false)
	return value, ok
}

// Store sets the value of the key.
func (m *Map) Store(key, value any) { m.Swap(key, value) }

// Swap sets the value of the key and returns the old one, and whether there was
// one.
func (m *Map) Swap(key, value any) (previous any, loaded bool) {
	m.before(engine.OpSwap)
	previous, loaded = m.v[key]
	m.set(key, value)
	m.after(engine.OpSwap, true)
	return previous, loaded
}

// LoadOrStore returns the value of the key if there is one, and else stores the
// given one.
func (m *Map) LoadOrStore(key, value any) (actual any, loaded bool) {
	m.before(engine.OpSwap)
	actual, loaded = m.v[key]
	if !loaded {
		m.set(key, value)
		actual = value
	}
	m.after(engine.OpSwap, !loaded)
	return actual, loaded
}

// LoadAndDelete deletes the key and returns the value that it had.
func (m *Map) LoadAndDelete(key any) (value any, loaded bool) {
	m.before(engine.OpSwap)
	if value, loaded = m.v[key]; loaded {
		m.remove(key)
	}
	m.after(engine.OpSwap, loaded)
	return value, loaded
}

// Delete deletes the key.
func (m *Map) Delete(key any) { m.LoadAndDelete(key) }

// CompareAndSwap sets the value of the key to new if it is old.
func (m *Map) CompareAndSwap(key, old, new any) (swapped bool) {
	m.before(engine.OpCAS)
	if v, ok := m.v[key]; ok && v == old {
		m.v[key] = new
		swapped = true
	}
	m.after(engine.OpCAS, swapped)
	return swapped
}

// CompareAndDelete deletes the key if its value is old.
func (m *Map) CompareAndDelete(key, old any) (deleted bool) {
	m.before(engine.OpCAS)
	if v, ok := m.v[key]; ok && v == old {
		m.remove(key)
		deleted = true
	}
	m.after(engine.OpCAS, deleted)
	return deleted
}

// Range calls f for each key and value until f returns false. Other goroutines
// may change the map meanwhile.
func (m *Map) Range(f func(key, value any) bool) {
	m.before(engine.OpLoad)
	keys := append([]any(nil), m.order...)
	m.looks(allKeys{})
	m.after(engine.OpLoad, false)
	for _, k := range keys {
		if v, ok := m.Load(k); ok && !f(k, v) {
			return
		}
	}
}

// Clear deletes all keys.
func (m *Map) Clear() {
	m.before(engine.OpStore)
	clear(m.v)
	m.order = nil
	m.after(engine.OpStore, true)
}
