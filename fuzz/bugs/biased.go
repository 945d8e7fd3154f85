package bugs

import (
	"sync/atomic"
	"unsafe"

	"github.com/refbench/refbench/strategies"
)

// A biased is a count whose number is one less than its references: 0 is an object
// that only its owner has, the tree or list that it is in, and -1 is dead. Linux
// inet_peer and ip_vs counted so.
//
//	refs   -1       dead
//	        0       idle: the owner's reference alone
//	        n > 0   n references beside the owner's
type biased struct {
	refs atomic.Int32
	bug  biasedBug
}

// A biasedBug is what is wrong with a biased count.
type biasedBug int

const (
	biasedRight    biasedBug = iota
	biasedSet                // PutIfOne looks for 0 and then sets -1
	biasedInc                // TryGet increments whatever is there
	biasedIdle               // TryGet fails at 0
	biasedNegative           // Put reports the last whenever it leaves less than 0
)

func (c *biased) Init()          { c.refs.Store(0) }
func (c *biased) InitAt(n int64) { c.refs.Store(int32(n - 1)) }
func (c *biased) Get()           { c.refs.Add(1) }
func (c *biased) Count() int64   { return int64(c.refs.Load() + 1) }

func (c *biased) TryGet() bool {
	if c.bug == biasedInc {
		c.refs.Add(1)
		return true
	}
	dead := int32(-1)
	if c.bug == biasedIdle {
		dead = 0
	}
	for {
		n := c.refs.Load()
		if n == dead || n == -1 {
			return false
		}
		if c.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (c *biased) Put() bool {
	n := c.refs.Add(-1)
	if c.bug == biasedNegative {
		return n < 0
	}
	return n == -1
}

func (c *biased) Kill() bool { return c.Put() }

func (c *biased) PutIfOne() bool {
	if c.bug != biasedSet {
		return c.refs.CompareAndSwap(0, -1)
	}
	if c.refs.Load() != 0 {
		return false
	}
	c.refs.Store(-1)
	return true
}

func (c *biased) PutUnlessOne() bool {
	for {
		n := c.refs.Load()
		if n == 0 {
			return false
		}
		if c.refs.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

func newBiased(bug biasedBug) func() strategies.Counter {
	return func() strategies.Counter { return &biased{bug: bug} }
}

var biasedPromise = func() strategies.Promise {
	p := wordPromise
	p.Bytes = int(unsafe.Sizeof(biased{}))
	return p
}()

const inetPeerSource = "Linux net/ipv4/inetpeer.c, counts with -1 for dead; the thread on netdev, January 2017, about making them refcount_t"

var biasedBugs = []*Bug{
	Bug{
		Name:   "peersetdead",
		Doc:    "the collector reads that a peer is idle and then sets its count to dead",
		Source: inetPeerSource,
		Interleaving: `A peer is idle: its count is 0. The collector reads 0. A lookup swaps 0 for 1 and has the
peer. The collector sets -1 and frees the peer under the lookup's feet.`,
		Fix:     "one compare-and-swap of 0 for -1: once it is -1 no lookup succeeds",
		Program: "a.Put a.TryGet|a.Get a.Kill a.PutIfOne", Concurrent: true,
		Expected: interleaved.but(Expected{"race": sure}),
	}.counts(biasedPromise, newBiased(biasedSet), newBiased(biasedRight)),
	Bug{
		Name:   "peerplaininc",
		Doc:    "the lookup of a peer increments its count without a look",
		Source: inetPeerSource,
		Interleaving: `The collector swaps 0 for -1 and frees the peer. A lookup that is still in its read section
increments -1 to 0 and goes on with a peer that is gone.`,
		Fix:      "add unless -1",
		Program:  "a.Put a.TryGet|a.Kill",
		Expected: sequential.but(Expected{"histories": sure, "race": sure}),
	}.counts(biasedPromise, newBiased(biasedInc), newBiased(biasedRight)),
	Bug{
		Name:   "peernotzero",
		Doc:    "the lookup of a peer fails at 0, as inc_not_zero does",
		Source: inetPeerSource,
		Interleaving: `A peer is idle: it is in the tree and its count is 0. Every lookup takes 0 for dead and
fails, so that the peer can't be found any more, though nobody has freed it.`,
		Fix:      "only -1 is dead",
		Program:  "a.Put|a.TryGet a.Kill",
		Expected: sequential.but(Expected{"histories": sure, "race": nothingGone}),
	}.counts(biasedPromise, newBiased(biasedIdle), newBiased(biasedRight)),
	Bug{
		Name:   "destbelowzero",
		Doc:    "a put that leaves any number below zero frees",
		Source: "Linux include/net/ip_vs.h, ip_vs_dest_put_and_free before refcount_t: atomic_dec_return(&dest->refcnt) < 0",
		Interleaving: `Two owners both believe that the reference which the list implies is theirs to drop. The
first put leaves -1 and frees. The second leaves -2, which is below zero as well, and frees
once more.`,
		Fix:      "only the step from 0 to -1 frees",
		Program:  "a.Kill a.Put!",
		Expected: sequential.but(Expected{"histories": otherUses, "race": noThreads}),
	}.counts(biasedPromise, newBiased(biasedNegative), newBiased(biasedRight)),
}
