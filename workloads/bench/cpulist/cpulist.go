// Package cpulist reads and writes lists of CPUs as Linux has them: "0-3,8"
// (Documentation/core-api/kernel-api.rst, bitmap_parselist).
package cpulist

import (
	"fmt"
	"strconv"
	"strings"
)

// Limit is above the number of any CPU: Linux is built for 8192 at most.
const Limit = 1 << 16

// Parse returns the numbers of a list in the order in which they stand. It returns
// an error if the list is empty, if a number is there twice, if a range is reversed,
// or if there is something else in it.
func Parse(text string) ([]int, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, fmt.Errorf("the list is empty: want CPUs as in 0-3,8")
	}
	var cpus []int
	seen := make(map[int]bool)
	for item := range strings.SplitSeq(text, ",") {
		first, last, err := Range(item)
		if err != nil {
			return nil, err
		}
		if last >= Limit {
			return nil, fmt.Errorf("%q: there is no CPU %d", item, last)
		}
		for c := first; c <= last; c++ {
			if seen[c] {
				return nil, fmt.Errorf("CPU %d is there twice", c)
			}
			seen[c] = true
			cpus = append(cpus, c)
		}
	}
	return cpus, nil
}

// Range parses one item of a list: a number, or the first and the last one of a
// range.
func Range(item string) (first, last int, err error) {
	from, to, isRange := strings.Cut(strings.TrimSpace(item), "-")
	if !isRange {
		to = from
	}
	first, err1 := number(from)
	last, err2 := number(to)
	if err1 != nil || err2 != nil {
		return 0, 0, fmt.Errorf("%q: want whole numbers and ranges, as in 1-4,8", item)
	}
	if first > last {
		return 0, 0, fmt.Errorf("%q: the range is reversed: want %d-%d", item, last, first)
	}
	return first, last, nil
}

// number parses digits only: Atoi takes signs too.
func number(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err
}

// Format writes a list in its order. Each run of numbers that follow each other
// becomes a range, so that Parse returns the same list.
func Format(cpus []int) string {
	var b strings.Builder
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(cpus[i]))
		if j > i {
			b.WriteString("-" + strconv.Itoa(cpus[j]))
		}
		i = j + 1
	}
	return b.String()
}
