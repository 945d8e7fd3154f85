package workloads

// All lists the built-in workloads.
var All = []*Workload{
	GetPut,
	Handoff,
	ListMutex,
	ListTryGet,
	ListRCU,
	DstCache,
	PNode,
	Unmount,
	PID2Proc,
	Churn,
	Buffers,
}
