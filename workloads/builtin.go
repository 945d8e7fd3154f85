package workloads

// All lists the built-in workloads.
var All = []*Workload{GetPut, Handoff, DstCache, InetPeer, IPVSDest, Dentry}
