package cli

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode"

	"al.essio.dev/pkg/shellescape"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/refbench/refbench/fuzz/shard"
)

//go:embed slurm.sh
var slurmText string

var slurmScript = template.Must(template.New("job.sh").Parse(slurmText))

// A slurmJob is what a script is made of.
type slurmJob struct {
	Command  string
	Written  string // the command line
	Measures bool   // it is run: a machine each, and nobody else on it

	Array, AtOnce, CPUs int
	Dir                 string
	Program             string
	ID                  string
	Work                string // the arguments of refbench
	Jobs                string // the flag for processes
	Options             []string
	FinishOptions       []string
	Kinds               []slurmKind

	What, Then, Alone string
}

// A slurmKind is a kind of machine, which has an array of its own.
type slurmKind struct{ Name, Option string }

// slurmCommands are the commands that can be run so, and their flag for processes.
func slurmCommands(parts Parts) []struct {
	command *cobra.Command
	jobs    string
} {
	return []struct {
		command *cobra.Command
		jobs    string
	}{
		{newRunCommand(parts), ""},
		{newCheckCommand(parts), ""},
		{newExploreCommand(parts), "--jobs"},
		{newTestCommand(), "-p"},
		{newBugsCommand(parts), ""},
	}
}

func newSlurmCommand(parts Parts) *cobra.Command {
	c := &cobra.Command{
		Use:   "slurm",
		Short: "Write a job script for Slurm: a sweep over machines, or a campaign in shards",
		Long: `slurm writes a script that runs a command of refbench on a cluster with Slurm, as a job
array. The script is to be read, and changed where a cluster wants it otherwise.

run measures: each task of the array has a node for itself, and its own result file. With
several --constraint, or several nodes in --nodelist, each kind of machine or node has an
array of its own. When all have ended, one report of all machines is made.

check, explore, test and bugs are campaigns: each task is a shard (see their --shard), with
as many cores as --cpus says. When all have ended, refbench merge puts them together.

What a job has finished is never lost or done again: after preemption, a time limit or a
crash it goes on. All of it needs a folder on storage that all nodes share (--dir), and the
same refbench on all nodes (--program). The page cmd/refbench/CLUSTER.md of refbench has the
whole way from there to a result.`,
		Example: `  refbench slurm explore --dir /shared/dfs --shards 64 --cpus 8 -- --search dfs --bound -1 --time 1h >job.sh
  bash job.sh
  refbench slurm run --dir /shared/sweep --constraint zen4 --constraint icelake -- --strategy all >job.sh`,
	}
	for i, s := range slurmCommands(parts) {
		// Each parses its arguments into flags of its own.
		c.AddCommand(newSlurmSubcommand(parts, s.command.Name(), s.jobs, func() *cobra.Command { return slurmCommands(parts)[i].command }))
	}
	return c
}

func newSlurmSubcommand(parts Parts, name, jobs string, inner func() *cobra.Command) *cobra.Command {
	j := slurmJob{Command: name, Jobs: jobs, Measures: name == "run"}
	var (
		dir, program, partition, account string
		constraints                      []string
		nodes                            string
		limit                            time.Duration
	)
	c := &cobra.Command{
		Use:   name + " [flags] [-- arguments of refbench " + name + "]",
		Short: "Write a job script for refbench " + name,
		Args: func(c *cobra.Command, args []string) error {
			if at := c.ArgsLenAtDash(); len(args) > 0 && at != 0 {
				return usagef("%s: %q: put -- before what is for refbench %s", c.CommandPath(), args[0], name)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case dir == "":
				return usagef("--dir is missing: name a folder on storage that all nodes share")
			case j.Array < 1 || j.Array > shard.Most:
				return usagef("--%s %d: want 1 .. %d", arrayFlag(j.Measures), j.Array, shard.Most)
			case j.AtOnce < 0:
				return usagef("--at-once %d: want how many may run at the same time, or 0 for any number", j.AtOnce)
			case !j.Measures && j.CPUs < 1:
				return usagef("--cpus %d: want at least 1", j.CPUs)
			case limit < 0 || limit > 0 && limit < 2*time.Minute:
				return usagef("--limit %v: want at least 2m, since a minute is for ending", limit)
			}
			if err := checkSlurmArgs(inner(), args); err != nil {
				return err
			}
			abs, err := filepath.Abs(dir)
			if err != nil {
				return failedf("%w", err)
			}
			if strings.Contains(abs, "%") || shellescape.Quote(abs) != abs {
				return usagef("--dir %q: Slurm or the shell takes some of its signs for something else: choose one of letters, digits and any of @_+=:,./-", abs)
			}
			j.Dir = abs
			j.Program = shellescape.Quote(cmp.Or(program, parts.self, parts.program()))
			j.Work = shellescape.QuoteCommand(append([]string{name}, args...))
			for _, o := range []struct{ flag, value string }{{"partition", partition}, {"account", account}} {
				if o.value != "" && shellescape.Quote(o.value) != o.value {
					return usagef("--%s %q: want a name that Slurm has, without blanks or quotes", o.flag, o.value)
				}
				if o.value != "" {
					j.Options = append(j.Options, "--"+o.flag+"="+o.value)
					j.FinishOptions = append(j.FinishOptions, "--"+o.flag+"="+o.value)
				}
			}
			if limit > 0 {
				j.Options = append(j.Options, fmt.Sprintf("--time=%d", (limit+time.Minute-1)/time.Minute))
			}
			if err := j.choose(constraints, nodes); err != nil {
				return err
			}
			j.describe()
			j.Written = written(c, args)
			j.ID = fmt.Sprintf("%.8x", sha256.Sum256([]byte(j.Written)))
			var b bytes.Buffer
			if err := slurmScript.Execute(&b, j); err != nil {
				return failedf("%w", err)
			}
			_, err = c.OutOrStdout().Write(b.Bytes())
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "dir", "", "folder for results and logs, on storage that all nodes share")
	f.StringVar(&program, "program", "", "refbench on the nodes (default this one)")
	f.IntVar(&j.AtOnce, "at-once", 0, "how many tasks may run at the same time; 0: any number")
	f.StringVar(&partition, "partition", "", "Slurm's partition")
	f.StringVar(&account, "account", "", "Slurm's account")
	f.DurationVar(&limit, "limit", 0, "Slurm's time limit of a task (default the partition's)")
	f.StringVar(&nodes, "nodelist", "", "nodes, comma-separated")
	f.StringArrayVar(&constraints, "constraint", nil, "features that nodes must have, as Slurm writes them; may be repeated for run, a kind of machine each")
	f.IntVar(&j.Array, arrayFlag(j.Measures), map[bool]int{true: 1, false: 16}[j.Measures],
		map[bool]string{true: "how often each kind of machine is measured, each time as a job of its own", false: "into how many shards the work is cut"}[j.Measures])
	if !j.Measures {
		f.IntVar(&j.CPUs, "cpus", 1, "cores for each shard")
	}
	c.Example = fmt.Sprintf("  refbench slurm %s --dir /shared/results -- --seed 7 >job.sh", name)
	return c
}

func arrayFlag(measures bool) string {
	if measures {
		return "repeat"
	}
	return "shards"
}

// checkSlurmArgs refuses arguments that the command would refuse on the nodes, and flags that
// are the script's.
func checkSlurmArgs(c *cobra.Command, args []string) error {
	c.SilenceErrors, c.SilenceUsage = true, true
	if err := c.ParseFlags(goFlags(append([]string{c.Name()}, args...))[1:]); err != nil {
		return usagef("refbench %s refuses what stands behind --: %w", c.Name(), err)
	}
	own := []string{"shard", "output", "resume", "append", "json", "html", "jobs", "help"}
	var err error
	c.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains(own, f.Name) && err == nil {
			err = usagef("--%s stands behind --, but the script gives it itself: leave it out", f.Name)
		}
	})
	if err == nil && c.Args != nil {
		err = c.Args(c, c.Flags().Args())
	}
	return err
}

// choose says on which nodes it runs.
func (j *slurmJob) choose(constraints []string, nodes string) error {
	for _, c := range constraints {
		// Slurm reads quotes in a script's options in its own way, and a line ends them.
		if c == "" || strings.ContainsAny(c, "'\"\\ ") || strings.ContainsFunc(c, unicode.IsControl) {
			return usagef("--constraint %q: want features as Slurm writes them, such as 'zen4|icelake', without blanks or quotes", c)
		}
	}
	if !j.Measures {
		if len(constraints) > 1 {
			return usagef("--constraint is there %d times: a shard may run on any machine, so say in one which will do, as in 'zen4|icelake'", len(constraints))
		}
		for _, c := range constraints {
			j.Options = append(j.Options, "--constraint="+shellescape.Quote(c))
		}
		if nodes != "" {
			// --nodelist asks for all of its nodes, which a job of one node can't have.
			return usagef("--nodelist is for run: of shards Slurm chooses the nodes; --constraint or --partition say which will do")
		}
		return nil
	}
	if len(constraints) > 0 && nodes != "" {
		return usagef("--constraint and --nodelist: want one of them, to say which machines are measured")
	}
	name := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
				return r
			}
			return '_'
		}, s)
	}
	seen := make(map[string]bool)
	add := func(option, value string) error {
		n := name(value)
		if seen[n] {
			return usagef("--%s %s: it is there twice, or can't be told from another in the name of a folder", option, value)
		}
		seen[n] = true
		j.Kinds = append(j.Kinds, slurmKind{n, "--" + option + "=" + shellescape.Quote(value)})
		return nil
	}
	for _, c := range constraints {
		if err := add("constraint", c); err != nil {
			return err
		}
	}
	if nodes == "" {
		return nil
	}
	for n := range strings.SplitSeq(nodes, ",") {
		if n == "" || strings.ContainsAny(n, "[]") {
			return usagef("--nodelist %s: want names of nodes with a comma between them; scontrol show hostnames makes that of node[1-4]", nodes)
		}
		if err := add("nodelist", n); err != nil {
			return err
		}
	}
	return nil
}

func (j *slurmJob) describe() {
	if j.Measures {
		j.What, j.Then, j.Alone = "machines are measured, then one report is made", "makes the report", "an array for any node"
		return
	}
	j.What, j.Then, j.Alone = plural(j.Array, "shard")+", then they are merged", "merges the shards", "the shards"
}

// written is the command line of a script.
func written(c *cobra.Command, args []string) string {
	words := strings.Fields(c.CommandPath())
	c.Flags().Visit(func(f *pflag.Flag) {
		if list, ok := f.Value.(pflag.SliceValue); ok {
			for _, v := range list.GetSlice() {
				words = append(words, "--"+f.Name, v)
			}
			return
		}
		words = append(words, "--"+f.Name, f.Value.String())
	})
	if len(args) > 0 {
		words = append(append(words, "--"), args...)
	}
	return strings.ReplaceAll(shellescape.QuoteCommand(words), "\n", " ")
}
