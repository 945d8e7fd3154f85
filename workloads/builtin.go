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
	PID2Proc,
	Churn,
}
