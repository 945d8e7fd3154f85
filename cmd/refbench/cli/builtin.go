package cli

import (
	"errors"
	"io"

	"github.com/refbench/refbench/fuzz/bugs/matrix"
	"github.com/refbench/refbench/fuzz/corpus"
	"github.com/refbench/refbench/fuzz/scenarios"
	"github.com/refbench/refbench/fuzz/trace"
	"github.com/refbench/refbench/report"
	"github.com/refbench/refbench/strategies/baseline"
	"github.com/refbench/refbench/strategies/builtin"
	"github.com/refbench/refbench/workloads"
	"github.com/refbench/refbench/workloads/native"
)

// aliases returns the names that the strategies have where they are from. Where a name changed
// its meaning it is the newer one's: a kref has been a refcount_t since Linux 4.11.
func aliases() []Alias {
	return []Alias{
		{"atomic_t", "atomic"},
		{"refcount_t", "saturating"}, {"kref", "saturating"},
		{"percpu_ref", "percpu"},
		{"inet_peer", "biased"}, {"ip_vs", "biased"},
		{"refcount(9)", "freebsd"},
		{"RefCnt", "evenodd"}, {"Netty", "evenodd"},
		{"puffs_node", "mutexed"}, {"puffs_mount", "drained"},
		{"dentry", "lockref"},
		{"EX_RUNDOWN_REF", "rundown"},
		{"os_pcpu_ref", "xnupcpu"},
		{"EX_RUNDOWN_REF_CACHE_AWARE", "rundowncpu"},
		{"page", "refusing"}, {"folio", "freezable"},
		{"rcuref_t", "rcuref"}, {"file_ref_t", "fileref"},
		{"fdMutex", "fdmutex"}, {"Arc", "arc"},
		{"localcount(9)", "localcount"}, {"TLRefCount", "tlref"},
	}
}

// Builtin returns the parts of the refbench command itself. Programs with
// strategies of their own add to its lists.
func Builtin() Parts {
	return Parts{
		Strategies: builtin.All(),
		Aliases:    aliases(),
		Default:    builtin.Default(),
		Baselines:  baseline.All(),
		Workloads:  workloads.All,
		Loops:      native.Loops,
		Explored:   scenarios.Builtin(),
		Bugs:       matrix.Builtin(),
		FuzzTargets: []corpus.Target{
			trace.Sequential(builtin.All(), "FuzzSequential"),
			trace.Explored(scenarios.Builtin(), "FuzzExplored"),
		},
		Table: func(w io.Writer, files []string, verbose bool, around []string) error {
			set, _, err := readMeasured(files, report.Options{}, true)
			if err != nil {
				return err
			}
			return writeFound(w, set, verbose, around)
		},
		Report: func(dir string, files []string) (string, error) {
			set, unread, err := readMeasured(files, report.Options{}, true)
			if err = errors.Join(append(unread, err)...); err != nil {
				return "", err
			}
			return report.Write(dir, set)
		},
	}
}
