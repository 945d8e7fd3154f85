package main

import "github.com/refbench/refbench/cmd/refbench/cli"

func main() { cli.Main(cli.Builtin()) }
