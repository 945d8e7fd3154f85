// Command refbench compares ways to count references: how fast is each on this
// machine, from one CPU to all of them, and is it right.
//
// Without arguments it measures every strategy under every workload for about a
// minute, prints a table and writes a report. See refbench --help.
package main

import "github.com/refbench/refbench/cmd/refbench/cli"

func main() { cli.Main(cli.Builtin()) }
