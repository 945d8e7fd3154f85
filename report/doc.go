// Package report turns result files into tables, plots, pages and comparisons.
// It knows files only: no strategy and no workload is imported, so that a file
// written on another machine, by another version, or with strategies from
// elsewhere can be read.
//
// The pipeline:
//
//  1. [Read] opens files in the Go benchmark format. Every line is first looked
//     at on its own: lines that the format would skip in silence, or choke on,
//     are noted as a [Problem]. golang.org/x/perf/benchfmt parses the rest.
//  2. A result line belongs to a [Cell]: a column of a row of a [Table].
//     golang.org/x/perf/benchproc projects lines to all three, by default to a
//     workload with its settings, a number of CPUs and a strategy; [Options] has
//     other ways. What varies within a cell though no axis has it is named.
//     Each [Machine] has tables of its own, so that its results are never pooled with
//     another one's. Repeated lines are the cell's samples. A sample that was
//     measured while the CPUs were shared is excluded: it is listed, it counts
//     for correctness, and it is never averaged in. Such samples stand in a file
//     beside their result file, which is read with it, or in the file itself.
//     Each [Date] has cells of its own, likewise: tables have the latest, and a [History]
//     is how a cell went over all of them, with the changes that package changepoint finds.
//     A control cell is the twin of another one: it says how far two cells lie
//     apart by chance, and is in no table.
//     "violations" counts all violations of a line; a unit whose Unit line says
//     "of=violations", as "leak", counts one kind of them.
//  3. Each cell is summarised by golang.org/x/perf/benchmath: the median and its
//     95 % interval for times, the exact value for counts. What limits a number travels with
//     the cell as warnings.
//  4. [Set.Findings] says in words what the cells show. Strategies are told
//     apart by one criterion, [Ranking], and a strategy with violations isn't ranked.
//     How throughput grows with the CPUs is a fit, and called one.
//  5. [Text] writes the table for a terminal, [JSON] the same for programs, and
//     [Write] the plots (SVG and PNG) and one self-contained HTML page. Each of them
//     goes through one list of sections. A section is one value with a form for each.
//
// [Compare] takes two sets and follows the statistics of the benchstat command:
// the same medians, differences and p-values, which it then corrects for all rows. A
// comparison is held to a gate by [Comparison.Hold].
//
// All output is deterministic: the same files give the same bytes.
package report
