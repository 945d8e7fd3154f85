package workloads

// All lists the built-in workloads.
var All = []*Workload{
	GetPut,
	Handoff,
	ListMutex,
	ListTryGet,
	ListRCU,
	DstCache,
	InetPeer,
	IPVSDest,
	PNode,
	Unmount,
	PID2Proc,
	Dentry,
	Churn,
	Buffers,
}
