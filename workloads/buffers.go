package workloads

import (
	"fmt"
	"hash/crc32"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refbench/refbench/strategies/judge"
	"github.com/refbench/refbench/strategies/pin"
	"github.com/refbench/refbench/workloads/arena"
	"github.com/refbench/refbench/workloads/spin"
)

// Buffers is a cache of files in counted buffers, as page caches, block caches of
// databases and proxies have one.
//
// A worker reads files, some much more often than others. If the cache has the
// file, the worker takes a reference to the buffer under the lock of its shard and
// reads it without: the cache's own reference sees to it that a plain Get does.
// Otherwise it fills a new buffer and puts it into the cache, which makes room by
// evicting one that wasn't read lately (CLOCK). An evicted buffer lives on until
// its last reader is done, and then its memory is used for another file.
//
// The contents are real: Config.Contents, which LoadBuffers reads from a folder
// such as a fuzzing corpus, or BuiltinBuffers. Readers verify checksums while they
// hold their reference. A buffer that is freed is damaged at once, so a reader
// whose reference was stolen finds out, in the timed form too.
//
// If eviction freed a buffer though somebody reads it, the reader would go on in
// another file's contents.
var Buffers = &Workload{
	Name:      "buffers",
	Doc:       "read files through a cache of counted buffers, and verify their contents",
	Source:    "caches of files; contents like those of github.com/dvyukov/go-fuzz-corpus",
	Operation: "a file read: its buffer found or filled, used and put",
	Knobs: []Knob{
		{Name: "files", Doc: "built-in contents; not used if contents are given", Default: 256, Min: 1, Max: maxBuffers},
		{Name: "capacity", Doc: "share of the files that the cache holds, in percent", Default: 50, Min: 1, Max: 100},
		{Name: "shards", Doc: "parts of the cache with a lock of their own", Default: 16, Min: 1, Max: 1024},
		PopularityKnob(10),
		{Name: "verify", Doc: "every so many-th read verifies the whole contents; 0: none", Default: 8, Min: 0, Max: 1 << 20},
		{Name: "hold", Doc: "how long a reader holds its buffer, in ns", Default: 0, Min: 0, Max: 1_000_000},
	},
	Wrong:    "eviction frees a buffer though somebody may be reading it",
	NotWrong: "Kill waits for who reads what is evicted",
	Plan: Plan{
		Settings: "files=2,skew=0,capacity=50,shards=1,verify=1",
		Program:  "w0.Work w0.Work w0.Work|w1.Work w1.Work w1.Work",
	},
	New: func(c Config) (Instance, error) {
		return NewDynamic(c, new(buffers[Dynamic, DynamicTimed]), new(buffers[Dynamic, DynamicChecked]))
	},
}

// maxBuffers is how many files a cache can have.
const maxBuffers = 1 << 16

// buffer is a file's contents in memory, without the count.
type buffer struct {
	block atomic.Pointer[block]
}

// A block is memory for contents.
type block struct {
	// data never changes its place or length: whoever reads a block by a
	// reference that a broken count has lost finds wrong bytes there, but
	// stays inside.
	data []byte
	n    atomic.Int64 // bytes in use
	// wrong guards data in the known-wrong variant only. Right counts alone
	// order filling and reading, which the race detector can see; there it
	// would find a race instead of wrong contents.
	wrong sync.Mutex
}

// blocks is the memory that no buffer uses, by the power of two that is its size.
type blocks struct {
	mu   sync.Mutex
	free [64][]*block
}

// minBlock is the smallest block's power of two: a cache line.
const minBlock = 6

// take returns a block for n bytes.
func (b *blocks) take(n int) *block {
	class := max(minBlock, bits.Len(uint(max(n, 1)-1)))
	b.mu.Lock()
	defer b.mu.Unlock()
	free := b.free[class]
	if len(free) == 0 {
		return &block{data: make([]byte, 1<<class)}
	}
	k := free[len(free)-1]
	b.free[class] = free[:len(free)-1]
	return k
}

// give gives a block back.
func (b *blocks) give(k *block) {
	class := bits.Len(uint(len(k.data) - 1))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free[class] = append(b.free[class], k)
}

type buffers[T any, H Holder[T]] struct {
	arena    *arena.Arena[T, buffer]
	blocks   blocks
	contents [][]byte
	sums     []uint32 // of contents
	table    *crc32.Table
	shards   []bufferShard[T]
	workers  []bufferReader[T, H]
	evictor  bufferReader[T, H] // empties the cache in the end

	picks  Popularity
	verify int
	hold   int // loops of spin.For
	wrong  bool
}

// A bufferShard is a part of the cache: the files whose number has the same
// remainder.
type bufferShard[T any] struct {
	mu sync.Mutex
	// cached has a place for each of the shard's files, nil if it isn't in
	// the cache. The cache holds the owner's reference.
	cached []cachedBuffer[T]
	clock  []int // the files in the cache, by their places in cached
	hand   int   // in clock
	limit  int   // of len(clock)
	_      [pin.LineBytes]byte
}

// cachedBuffer is a buffer and the cache's reference to it.
type cachedBuffer[T any] struct {
	slot *arena.Slot[T, buffer]
	hold arena.Hold
	life arena.Life
	// hot is set when the buffer is read, and reset by the clock's hand.
	hot bool
}

type bufferReader[T any, H Holder[T]] struct {
	holder  H
	cache   *arena.Cache[T, buffer]
	rand    Rand
	reads   int    // until the next one that verifies
	damaged uint64 // buffers with wrong contents
	stolen  uint64 // buffers that were released while somebody held them
	_       [pin.LineBytes]byte
}

func (b *buffers[T, H]) Setup(c Config, k Kit[T, H]) error {
	contents := c.Contents
	if len(contents) == 0 {
		contents = BuiltinBuffers(c.Knob("files"), c.Seed)
	}
	if len(contents) > maxBuffers {
		return fmt.Errorf("workload buffers: %d contents: want at most %d", len(contents), maxBuffers)
	}
	*b = buffers[T, H]{
		arena:    arena.New[T, buffer](k.Options(c)),
		contents: contents,
		sums:     make([]uint32, len(contents)),
		table:    crc32.MakeTable(crc32.Castagnoli),
		shards:   make([]bufferShard[T], min(c.Knob("shards"), len(contents))),
		workers:  make([]bufferReader[T, H], c.Workers),
		picks:    NewPopularity(len(contents), c.Knob("skew"), c.Seed),
		verify:   c.Knob("verify"),
		hold:     spin.Loops(time.Duration(c.Knob("hold"))),
		wrong:    c.Wrong,
	}
	for i, data := range contents {
		b.sums[i] = crc32.Checksum(data, b.table)
	}
	for i := range b.shards {
		s := &b.shards[i]
		files := (len(contents) - i + len(b.shards) - 1) / len(b.shards)
		s.cached = make([]cachedBuffer[T], files)
		s.limit = max(1, files*c.Knob("capacity")/100)
		s.clock = make([]int, 0, s.limit)
	}
	b.open(&b.evictor, k.Holder("cache"), NewRand(c.Seed, c.Workers))
	for i := range b.workers {
		b.open(&b.workers[i], k.Worker(i), NewRand(c.Seed, i))
	}
	return nil
}

func (b *buffers[T, H]) open(r *bufferReader[T, H], h H, rand Rand) {
	r.holder, r.rand, r.cache, r.reads = h, rand, b.arena.Cache(), b.verify
}

// Work reads n files.
func (b *buffers[T, H]) Work(worker, n int) int {
	r := &b.workers[worker]
	for range n {
		file := b.picks.Pick(&r.rand)
		s, h, life := b.get(r, file)
		spin.For(b.hold)
		r.holder.Use(&s.Object, h)
		if r.reads--; r.reads == 0 {
			r.reads = b.verify
			b.check(r, s, file)
		}
		if s.Life() != life {
			r.stolen++
		}
		if r.holder.Put(&s.Object, h) {
			b.release(r, s)
		}
	}
	return n
}

// get returns the buffer of a file and a reference to it.
func (b *buffers[T, H]) get(r *bufferReader[T, H], file int) (*arena.Slot[T, buffer], arena.Hold, arena.Life) {
	shard := &b.shards[file%len(b.shards)]
	place := file / len(b.shards)
	shard.mu.Lock()
	if c := &shard.cached[place]; c.slot != nil {
		s := c.slot
		h := r.holder.Get(&s.Object)
		c.hot = true
		life := s.Life()
		shard.mu.Unlock()
		return s, h, life
	}
	shard.mu.Unlock()
	return b.miss(r, shard, file)
}

// miss fills a buffer with a file and caches it, and returns it with a reference.
// It fills without the lock, since reading a file takes long. If somebody else is
// faster it uses theirs.
func (b *buffers[T, H]) miss(r *bufferReader[T, H], shard *bufferShard[T], file int) (*arena.Slot[T, buffer], arena.Hold, arena.Life) {
	place := file / len(b.shards)
	made := b.fill(r, file)
	shard.mu.Lock()
	if s := shard.cached[place].slot; s != nil {
		h := r.holder.Get(&s.Object)
		life := s.Life()
		shard.mu.Unlock()
		b.kill(r, made)
		return s, h, life
	}
	old := shard.put(place, made)
	h := r.holder.Get(&made.slot.Object)
	shard.mu.Unlock()
	if old.slot != nil {
		b.kill(r, old)
	}
	return made.slot, h, made.life
}

// put puts the buffer of the file in place into the cache, and returns the one that
// had to make room, if any. The caller holds the lock.
func (s *bufferShard[T]) put(place int, made cachedBuffer[T]) (old cachedBuffer[T]) {
	if victim := s.admit(place); victim >= 0 {
		old = s.cached[victim]
		s.cached[victim] = cachedBuffer[T]{}
	}
	s.cached[place] = made
	return old
}

// admit gives the file in place a place in the clock, and returns the file that it
// takes that from, or -1. The caller holds the lock.
func (s *bufferShard[T]) admit(place int) int {
	if len(s.clock) < s.limit {
		s.clock = append(s.clock, place)
		return -1
	}
	// Every buffer that the hand passes is given another chance, so the hand
	// goes round once at most.
	for {
		if s.hand++; s.hand >= len(s.clock) {
			s.hand = 0
		}
		victim := s.clock[s.hand]
		if v := &s.cached[victim]; v.hot {
			v.hot = false
			continue
		}
		s.clock[s.hand] = place
		return victim
	}
}

// fill makes a buffer with a file's contents. The owner's reference is for the
// cache.
func (b *buffers[T, H]) fill(r *bufferReader[T, H], file int) cachedBuffer[T] {
	s := r.cache.Alloc()
	s.Value.block.Store(b.read(file))
	return cachedBuffer[T]{slot: s, hold: r.holder.Init(&s.Object), life: s.Life(), hot: true}
}

// read returns a block with a file's contents.
func (b *buffers[T, H]) read(file int) *block {
	data := b.contents[file]
	k := b.blocks.take(len(data))
	if b.wrong {
		k.wrong.Lock()
	}
	copy(k.data, data)
	if b.wrong {
		k.wrong.Unlock()
	}
	k.n.Store(int64(len(data)))
	return k
}

// check verifies the contents of a buffer that r holds.
func (b *buffers[T, H]) check(r *bufferReader[T, H], s *arena.Slot[T, buffer], file int) {
	k := s.Value.block.Load()
	if b.wrong {
		runtime.Gosched() // Others evict now.
		k.wrong.Lock()
	}
	if crc32.Checksum(k.data[:k.n.Load()], b.table) != b.sums[file] {
		r.damaged++
	}
	if b.wrong {
		k.wrong.Unlock()
	}
}

// kill drops the cache's reference to a buffer that isn't in the cache any more.
func (b *buffers[T, H]) kill(r *bufferReader[T, H], c cachedBuffer[T]) {
	if c.slot.Life() != c.life {
		r.stolen++
	}
	if r.holder.Kill(&c.slot.Object, c.hold) || b.wrong {
		b.release(r, c.slot)
	}
}

// release frees a buffer whose last reference dropped, and its memory.
func (b *buffers[T, H]) release(r *bufferReader[T, H], s *arena.Slot[T, buffer]) {
	if !r.cache.End(s) {
		return
	}
	k := s.Value.block.Load()
	if b.wrong {
		k.wrong.Lock()
	}
	// A checksum tells a single wrong byte for certain.
	k.data[0] = ^k.data[0]
	if b.wrong {
		k.wrong.Unlock()
	}
	b.blocks.give(k)
	r.cache.Recycle(s)
}

func (b *buffers[T, H]) Roles() []Role { return nil }

// Close empties the cache.
func (b *buffers[T, H]) Close() Books {
	for i := range b.shards {
		for place, c := range b.shards[i].cached {
			if c.slot != nil {
				b.check(&b.evictor, c.slot, place*len(b.shards)+i)
				b.kill(&b.evictor, c)
			}
		}
	}
	books := BooksOf(b.arena)
	books.Observe(judge.UseAfterFree, b.evictor.damaged, "buffers in the cache had wrong contents")
	books.Observe(judge.StolenReference, b.evictor.stolen, "buffers were released while the cache owned them")
	for i := range b.workers {
		books.Observe(judge.UseAfterFree, b.workers[i].damaged, "buffers had wrong contents while worker %d held them", i)
		books.Observe(judge.StolenReference, b.workers[i].stolen, "buffers were released while worker %d held them", i)
	}
	return books
}
