package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/workloads/native/gen"
)

// workloadsPath is the package that loops are generated from.
const workloadsPath = "github.com/refbench/refbench/workloads"

func newGenCommand(ss []*strategies.Strategy) *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "gen [flags] [DIR]",
		Short: "Write the native loops of every strategy and workload",
		Long: `Gen writes the native form of every workload with every strategy: the loops in
which the compiler knows the concrete counter type. DIR is the root of refbench's
source, by default the current folder; the files go to DIR/workloads/native.`,
		Example: "  refbench gen          # write them\n  refbench gen --check  # only say whether they are current",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			out := filepath.Join(dir, "workloads", "native")
			if _, err := os.Stat(filepath.Join(out, "native.go")); err != nil {
				return usagef("%s is not the root of refbench's source (no %s): go there or name it", dir, filepath.Join("workloads", "native"))
			}
			var types []gen.Strategy
			for _, s := range ss {
				t, err := gen.StrategyOf(s)
				if err != nil {
					return usagef("%v", err)
				}
				types = append(types, t)
			}
			files, err := gen.Native(dir, workloadsPath, types)
			if err != nil {
				return err
			}
			stale := 0
			for _, f := range files {
				name := filepath.Join(out, f.Name)
				if old, err := os.ReadFile(name); err == nil && string(old) == string(f.Data) {
					continue
				}
				stale++
				if check {
					fmt.Fprintf(cmd.ErrOrStderr(), "refbench: %s is not current\n", name)
					continue
				}
				if err := os.WriteFile(name, f.Data, 0o644); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), name)
			}
			if check && stale > 0 {
				return findingf("%d generated files are not current: run refbench gen", stale)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "write nothing; exit 1 if a file is not current")
	return cmd
}
