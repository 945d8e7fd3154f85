package report

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchunit"
)

// scaled formats v with four digits and its SI prefix apart: "12.43", "n".
func scaled(v float64) (number, prefix string) {
	s := benchunit.Scale(v, benchunit.Decimal)
	i := strings.LastIndexFunc(s, func(r rune) bool { return '0' <= r && r <= '9' || r == '.' })
	if i < 0 {
		return s, ""
	}
	number, prefix = s[:i+1], s[i+1:]
	if math.Abs(v) < 1e-12 || math.Abs(v) >= 1e15 { // beyond the prefixes
		return strconv.FormatFloat(v, 'g', 4, 64), ""
	}
	return number, prefix
}

// duration formats seconds: "12.43 ns".
func duration(sec float64) string {
	if sec == 0 {
		return "0 s"
	}
	n, p := scaled(sec)
	return n + " " + p + "s"
}

// rate formats operations per second: "80.45 M/s".
func rate(perSec float64) string {
	if perSec == 0 {
		return "0 /s"
	}
	n, p := scaled(perSec)
	return n + " " + p + "/s"
}

// quantity formats a large number briefly: "1.2e9", "500".
func quantity(n float64) string {
	if n < 10000 {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	m, e := mantissa(n)
	return m + "e" + strconv.Itoa(e)
}

// mantissa splits a positive number: 1.2e9 is "1.2" and 9.
func mantissa(n float64) (string, int) {
	m, e, _ := strings.Cut(strconv.FormatFloat(n, 'e', 1, 64), "e")
	exp, _ := strconv.Atoi(e)
	return strings.TrimSuffix(m, ".0"), exp
}

// ruleOfThree is -ln(0.05) rounded up: if nothing was seen in n independent
// trials, the true rate is below 3/n with 95 % confidence (Hanley and
// Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 1983).
const ruleOfThree = 3

// upperBound returns the 95 % bound on the rate of something that wasn't seen in
// n trials. Operations of threads are trials that have to do with each other, so whatever
// shows the bound says that it takes them for independent.
func upperBound(n float64) float64 { return math.Min(1, ruleOfThree/n) }

// bound formats a rate below one as "2.5 per 10^9".
func bound(r float64) string {
	if r >= 1 {
		return "1 per operation"
	}
	m, e := mantissa(r)
	return fmt.Sprintf("%s per 10^%d", m, -e)
}

// interval formats how far the farther end of a summary's interval is from its centre:
// "± 2%", "± ∞".
func interval(s benchmath.Summary) string { return "± " + s.PctRangeString() }

// times formats a ratio: "3.08×".
func times(r float64) string {
	switch {
	case r >= 100:
		return strconv.FormatFloat(r, 'f', 0, 64) + "×"
	case r >= 10:
		return strconv.FormatFloat(r, 'f', 1, 64) + "×"
	case r < 0.01:
		return strconv.FormatFloat(r, 'g', 2, 64) + "×"
	}
	return strconv.FormatFloat(r, 'f', 2, 64) + "×"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// list joins words: "a", "a and b", "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

func sentence(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(s[:n]) + s[n:]
}

// powers writes "10^9" with the digits raised.
func powers(s string) string {
	return regexp.MustCompile(`10\^\d+`).ReplaceAllStringFunc(s, func(p string) string {
		n, err := strconv.Atoi(p[3:])
		if err != nil {
			return p
		}
		return "10" + superscript(n)
	})
}

// superscript writes a number of a foot note.
func superscript(n int) string {
	digits := []rune("⁰¹²³⁴⁵⁶⁷⁸⁹")
	var b strings.Builder
	for _, d := range strconv.Itoa(n) {
		b.WriteRune(digits[d-'0'])
	}
	return b.String()
}
