package bugs

import "github.com/refbench/refbench/workloads"

// The known-wrong variants of workloads that are the very bug.
var systemBugs = []*Bug{
	Bug{
		Name:   "tunnelcache",
		Doc:    "one cached route for all CPUs, replaced without a lock: two release the old one (dstcache)",
		Source: "Linux net/ipv6/ip6_tunnel.c, ip6_tnl_dst_store before merge 244b7f432489; dst_release warns of newrefcnt < 0",
		Interleaving: `The cache holds route A. CPU 0 reads A in order to replace it; CPU 1 reads A too. Both drop the
cache's reference to A, and both store a route of their own. A's count is one too low, and one of
the new routes is lost.`,
		Fix:        "a slot for each CPU under a lock",
		Concurrent: true,
		Expected:   misuse,
	}.uses(workloads.DstCache),
	Bug{
		Name:   "peergc",
		Doc:    "a collector that lists idle peers and frees them in a second step (inetpeer)",
		Source: inetPeerSource,
		Interleaving: `The collector finds a peer idle. A lookup takes a reference to it. The collector takes the peer
out of the tree and frees it, as it had decided.`,
		Fix:        "drop the tree's reference only if it is the only one, in one step",
		Concurrent: true,
		Expected:   misuse,
	}.uses(workloads.InetPeer),
	Bug{
		Name:   "desttrash",
		Doc:    "the reference of the trash list isn't counted, so zero frees what the list points to (ipvsdest)",
		Source: "Linux net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_dest_trash_expire and ip_vs_dest_put_and_free: freed below zero, not at zero",
		Interleaving: `A destination is removed: it goes to the trash, and the service's reference is dropped. Its last
connection ends: the count is 0, and it is freed. The trash still points to it, and its timer
drops what it has never taken.`,
		Fix:      "the trash has a reference, so all numbers are one higher",
		Expected: misuse,
	}.uses(workloads.IPVSDest),
	Bug{
		Name:   "lookupget",
		Doc:    "an object found through a weak reference, and a plain get on it (pid2proc)",
		Source: "CVE-2026-23319 (Linux bpf trampoline: found in a list, then incremented); Akaros Documentation/kref.txt, pid2proc",
		Interleaving: `The last put leaves 0, and its caller is about to take the object out of the list. A lookup still
finds it there and increments 0 to 1. The releaser frees it, and so will the lookup.`,
		Fix:        "get unless zero",
		Concurrent: true,
		Expected:   misuse,
	}.uses(workloads.PID2Proc),
	Bug{
		Name:   "dentryhit",
		Doc:    "a cache hit reads the count and then begins the life anew or gets, without the cache's lock (dentry)",
		Source: resurrectSource,
		Interleaving: `In a cache of directory entries: both orders of reviveget and reviveinit, and a reaper besides,
who frees an unused entry between the look at its count and what is done about it.`,
		Fix:        "a blind reference under the cache's lock",
		Concurrent: true,
		Expected:   misuse,
	}.uses(workloads.Dentry),
	Bug{
		Name:   "lateget",
		Doc:    "the reference for the receiver is taken after the hand-over (handoff)",
		Source: "Linux Documentation/core-api/kref.rst, rule 1 and its example of kthread_run",
		Interleaving: `The owner hands the object over, and is about to take the reference for the receiver. The
receiver uses the object and puts: the last reference is gone and the object is freed. The owner
gets on what is dead.`,
		Fix:        "get first, then hand over",
		Concurrent: true,
		Expected:   misuse,
	}.uses(workloads.Handoff),
	Bug{
		Name:   "unlockedlookup",
		Doc:    "an entry is found and got without the list's mutex (listmutex)",
		Source: "Linux Documentation/core-api/kref.rst, rule 3",
		Interleaving: `A reader finds an entry. Its owner takes the entry off the list under the mutex and puts it: 1 to
0, freed. The reader gets on what is dead.`,
		Fix:        "find and get under the mutex",
		Concurrent: true,
		Expected:   misuse,
	}.uses(workloads.ListMutex),
	Bug{
		Name:   "latetryget",
		Doc:    "TryGet after the critical section in which the entry was found (listtryget)",
		Source: "Linux Documentation/core-api/kref.rst, kref_get_unless_zero: the memory must stay until it is called",
		Interleaving: `A reader finds an entry under the lock and leaves. The entry is put and freed, and its memory is
another entry's. TryGet succeeds, on that one.`,
		Fix:        "TryGet inside the critical section",
		Concurrent: true,
		Expected:   misuse,
	}.uses(workloads.ListTryGet),
	Bug{
		Name:   "doubleput",
		Doc:    "a reference is dropped that had been dropped already (getput)",
		Source: "Linux Documentation/core-api/kref.rst, rule 2: one put for each reference; ref_tracker: one rogue put that consumes another's reference",
		Interleaving: `A worker puts twice what it got once. The count is one too low from then on: whoever puts last
but one is told that it was the last, while somebody still holds the object.`,
		Fix:      "put once",
		Expected: misuse.but(Expected{"stress": sure, "race": allAtomic}),
	}.uses(workloads.GetPut),
}
