package spec

import "github.com/refbench/refbench/strategies"

type Op uint8

const (
	Init Op = iota
	InitAt
	Get
	TryGet
	Put
	Kill
	GetN
	TryGetN
	PutN
	Count
	Resurrect
	PutIfOne
	PutUnlessOne
	PutAndLock
	SwitchToAtomic
	SwitchToPerCPU
	TryGetLive
	KillAndConfirm
	ResurrectLive
	Reinit
	Drop
)

var names = [...]string{"Init", "InitAt", "Get", "TryGet", "Put", "Kill", "GetN", "TryGetN", "PutN", "Count", "Resurrect", "PutIfOne", "PutUnlessOne", "PutAndLock", "SwitchToAtomic", "SwitchToPerCPU", "TryGetLive", "KillAndConfirm", "ResurrectLive", "Reinit", "Drop"}

func (o Op) String() string { return names[o] }

func (o Op) Power() strategies.Power {
	switch o {
	case GetN, TryGetN, PutN:
		return strategies.PowerMulti
	case InitAt:
		return strategies.PowerPreset
	case Count:
		return strategies.PowerRead
	case Resurrect:
		return strategies.PowerResurrect
	case PutIfOne, PutUnlessOne:
		return strategies.PowerOne
	case PutAndLock:
		return strategies.PowerLock
	case SwitchToAtomic, SwitchToPerCPU, TryGetLive, KillAndConfirm, ResurrectLive, Reinit:
		return strategies.PowerSwitch
	}
	return ""
}

type Call struct {
	Op Op
	N  int64
}
