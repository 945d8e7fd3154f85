// Package native holds the workloads with each built-in strategy's counter type
// filled in: the loops that are timed. refbench gen writes them from package
// workloads; a test compares what is committed with what it would write.
package native
