// Package outside makes programs with strategies and workloads of other modules in them:
// with their native loops and their explored form, which are generated in a temporary
// module of its own. Nothing is written into the modules.
//
// What is taken along are the exported variables of type *strategies.Strategy and
// *workloads.Workload, of all packages that can be imported.
package outside
