// Package usl fits the Universal Scalability Law to throughput that was measured on
// several numbers of CPUs:
//
//	X(N) = λN / (1 + σ(N-1) + κN(N-1))
//
// λ is the throughput of one CPU, σ what is done by one CPU at a time (contention), κ what
// each pair of CPUs costs (coherence): Gunther, "A General Theory of Computational
// Scalability Based on Rational Functions", 2008, arXiv:0808.1431. A fit is a summary of
// what was measured, and a guess where nothing was.
package usl

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/optimize"
)

// A Law is the law with its parameters.
type Law struct {
	Lambda float64 // operations per second of one CPU
	Sigma  float64 // contention
	Kappa  float64 // coherence
}

// Throughput returns X(n), in operations per second.
func (l Law) Throughput(n float64) float64 {
	return l.Lambda * n / (1 + l.Sigma*(n-1) + l.Kappa*n*(n-1))
}

// Peak returns the number of CPUs with the largest throughput, √((1-σ)/κ): 1 if it falls
// from the first on, +Inf if it never falls.
func (l Law) Peak() float64 {
	if l.Sigma >= 1 {
		return 1
	}
	return max(1, math.Sqrt((1-l.Sigma)/l.Kappa))
}

// A Point is what was measured on a number of CPUs.
type Point struct {
	CPUs       int
	Throughput []float64 // samples in operations per second, all above zero
}

// An Estimate is a number with its 95 % interval, of bootstrap over the samples.
type Estimate struct{ Value, Lo, Hi float64 }

// A Fit is the law fitted to points.
type Fit struct {
	Law  Law
	CPUs []int // of the points that it is fitted to, ascending: 32 of them at most

	Lambda, Sigma, Kappa Estimate

	// Peak is that of the law, see [Law.Peak]. A value above the largest of CPUs is
	// extrapolated; one of more than ten times as many CPUs is +Inf, as so little
	// bending can't be told from none.
	Peak Estimate

	// Deviation is how far the law is from the median of a point at most, as a
	// share of the median.
	Deviation float64
}

// Extrapolated reports whether the peak or an end of its interval is beyond what was
// measured.
func (f *Fit) Extrapolated() bool { return f.Peak.Hi > float64(f.CPUs[len(f.CPUs)-1]) }

// What a fit needs: with three points three parameters go through all of them, and up to
// 2 CPUs σ and κ can't be told apart.
const (
	LeastPoints = 4
	LeastCPUs   = 3 // the largest number of CPUs is at least so many
)

// mostPoints is how many points a fit takes: three parameters need no more, and the time
// for the intervals grows with them.
const mostPoints = 32

// replicates is the number of samples that are drawn for the intervals.
const replicates = 200

// farthest is how many times the measured range a peak may be extrapolated to.
const farthest = 10

// New fits the law to points of different numbers of CPUs, each with a sample: least
// squares of the logarithms of the medians, so that each number of CPUs counts the same. It
// returns an error if the points are too few to say anything. The same points give the
// same fit.
func New(points []Point) (*Fit, error) {
	points = slices.Clone(points)
	slices.SortFunc(points, func(a, b Point) int { return a.CPUs - b.CPUs })
	if n := len(points); n < LeastPoints || points[n-1].CPUs < LeastCPUs {
		return nil, fmt.Errorf("%d CPU counts: want at least %d, one of them above %d", n, LeastPoints, LeastCPUs-1)
	}
	points = spread(points)
	f := &Fit{}
	logs := make([]float64, len(points))
	for i, p := range points {
		f.CPUs = append(f.CPUs, p.CPUs)
		logs[i] = math.Log(median(slices.Clone(p.Throughput)))
	}
	f.Law = fit(f.CPUs, logs, starts())
	for i, n := range f.CPUs {
		f.Deviation = max(f.Deviation, math.Abs(f.Law.Throughput(float64(n))/math.Exp(logs[i])-1))
	}
	f.intervals(points)
	return f, nil
}

// spread chooses among many points the first, the last, and others as far from each other as
// a logarithmic axis has it, so that a sweep of every number of CPUs isn't one of the large
// ones.
func spread(points []Point) []Point {
	if len(points) <= mostPoints {
		return points
	}
	lo, hi := float64(points[0].CPUs), float64(points[len(points)-1].CPUs)
	var chosen []Point
	next := 0
	for k := range mostPoints {
		at := lo * math.Pow(hi/lo, float64(k)/(mostPoints-1))
		// The rest has to be enough for the places that are left.
		for next+mostPoints-k < len(points) && float64(points[next].CPUs) < at-0.5 {
			next++
		}
		chosen = append(chosen, points[next])
		next++
	}
	return chosen
}

// intervals draws the samples of each point anew, with replacement, and takes between which
// values 95 % of the laws fitted to them lie.
func (f *Fit) intervals(points []Point) {
	rng := rand.New(rand.NewPCG(1, 2)) // the same points, the same intervals
	logs := make([]float64, len(points))
	samples := make([]ranked, len(points))
	for i, p := range points {
		samples[i] = rank(p.Throughput)
	}
	var lambdas, sigmas, kappas, peaks []float64
	// What is drawn differs little from the sample, so the search begins where that ended, but
	// where a parameter still has a slope.
	start := [][2]float64{{max(f.Law.Sigma, 1e-3), max(f.Law.Kappa, 1e-4)}}
	for range replicates {
		for i := range samples {
			logs[i] = math.Log(samples[i].drawnMedian(rng))
		}
		l := fit(f.CPUs, logs, start)
		lambdas, sigmas, kappas, peaks = append(lambdas, l.Lambda), append(sigmas, l.Sigma), append(kappas, l.Kappa), append(peaks, f.peak(l))
	}
	f.Lambda, f.Sigma, f.Kappa = estimate(f.Law.Lambda, lambdas), estimate(f.Law.Sigma, sigmas), estimate(f.Law.Kappa, kappas)
	f.Peak = estimate(f.peak(f.Law), peaks)
}

// peak returns a law's peak, +Inf if it is too far from what was measured.
func (f *Fit) peak(l Law) float64 {
	p := l.Peak()
	if p > float64(farthest*f.CPUs[len(f.CPUs)-1]) {
		return math.Inf(1)
	}
	return p
}

func estimate(v float64, drawn []float64) Estimate {
	slices.Sort(drawn)
	tail := len(drawn) / 40 // 2.5 %
	return Estimate{v, min(v, drawn[tail]), max(v, drawn[len(drawn)-1-tail])}
}

// A ranked is a sample that is drawn from often: what was drawn is counted at its rank, so
// that its median needs no sorting.
type ranked struct {
	sorted []float64
	ranks  []int // of the values as they came
	counts []int // of what was drawn, by rank; all 0 between two draws
}

func rank(xs []float64) ranked {
	order := make([]int, len(xs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(xs[i], xs[j]) })
	r := ranked{make([]float64, len(xs)), make([]int, len(xs)), make([]int, len(xs))}
	for k, i := range order {
		r.sorted[k], r.ranks[i] = xs[i], k
	}
	return r
}

// drawnMedian draws as many values as there are, with replacement, and returns their median.
func (r ranked) drawnMedian(rng *rand.Rand) float64 {
	n := len(r.sorted)
	for range n {
		r.counts[r.ranks[rng.IntN(n)]]++
	}
	var low, high float64
	seen := 0
	for k, c := range r.counts {
		r.counts[k] = 0
		if seen <= (n-1)/2 && (n-1)/2 < seen+c {
			low = r.sorted[k]
		}
		if seen <= n/2 && n/2 < seen+c {
			high = r.sorted[k]
		}
		seen += c
	}
	return (low + high) / 2
}

func median(xs []float64) float64 {
	slices.Sort(xs)
	n := len(xs)
	return (xs[(n-1)/2] + xs[n/2]) / 2
}

// The logarithms of σ and κ are looked for between these: no machine is near them.
const (
	lowest  = -30
	highest = 7
)

// starts returns values of σ and κ to begin a search with. Far from the solution the sum of
// squares is flat, so one isn't enough.
func starts() (xs [][2]float64) {
	for _, sigma := range []float64{0.01, 0.3, 3} {
		for _, kappa := range []float64{1e-4, 0.01, 0.3} {
			xs = append(xs, [2]float64{sigma, kappa})
		}
	}
	return xs
}

// fit returns the law for which the sum of the squared differences to the logarithms of
// throughput is least, of all searches that begin with the given values of σ and κ. These
// are the exponentials of what is varied, so that neither becomes negative; λ follows from
// them, as the logarithm has it for a summand. A parameter is zero if it changes no
// throughput of these CPUs by a thousandth.
func fit(cpus []int, logs []float64, starts [][2]float64) Law {
	problem := optimize.Problem{
		Func: func(x []float64) float64 {
			_, squares := differences(cpus, logs, law(x), nil)
			// Outside of the bounds nothing changes: what is nearer to them is better.
			for _, v := range x {
				squares += math.Pow(v-clamp(v), 2)
			}
			return squares
		},
		Grad: func(grad, x []float64) {
			l := law(x)
			for i, v := range x {
				grad[i] = 2 * (v - clamp(v))
			}
			differences(cpus, logs, l, func(n, d float64) {
				below := 1 + l.Sigma*(n-1) + l.Kappa*n*(n-1)
				grad[0] += 2 * d * l.Sigma * (n - 1) / below
				grad[1] += 2 * d * l.Kappa * n * (n - 1) / below
			})
		},
	}
	var x []float64
	least := math.Inf(1)
	for _, start := range starts {
		// An error says that it gets no better in the direction that it looks in, as near
		// the solution: the best so far is it.
		r, _ := optimize.Minimize(problem, []float64{math.Log(start[0]), math.Log(start[1])}, &optimize.Settings{
			MajorIterations: 200, GradientThreshold: 1e-7,
		}, &optimize.BFGS{})
		if r != nil && r.F < least {
			x, least = r.X, r.F
		}
	}
	l := law(x)
	mean, _ := differences(cpus, logs, l, nil)
	l.Lambda = math.Exp(mean)
	n := float64(cpus[len(cpus)-1])
	if l.Sigma*(n-1) < 1e-3 {
		l.Sigma = 0
	}
	if l.Kappa*n*(n-1) < 1e-3*(1+l.Sigma*(n-1)) {
		l.Kappa = 0
	}
	return l
}

// law returns the law of the logarithms of σ and κ, for λ = 1.
func law(x []float64) Law { return Law{1, math.Exp(clamp(x[0])), math.Exp(clamp(x[1]))} }

// differences calls each with every number of CPUs and how far the logarithm of its
// throughput is above that of a law times the best λ. It returns the logarithm of this λ,
// and the sum of the squares.
func differences(cpus []int, logs []float64, l Law, each func(n, d float64)) (mean, squares float64) {
	sum := 0.0
	for i, n := range cpus {
		d := logs[i] - math.Log(l.Throughput(float64(n)))
		sum += d
		squares += d * d
	}
	mean = sum / float64(len(cpus))
	if each != nil {
		for i, n := range cpus {
			each(float64(n), logs[i]-math.Log(l.Throughput(float64(n)))-mean)
		}
	}
	return mean, squares - sum*mean
}

func clamp(v float64) float64 { return min(max(v, lowest), highest) }
