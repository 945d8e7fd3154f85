package cpulist

import (
	"slices"
	"strings"
	"testing"
)

func TestListIsReadAndWrittenInItsOrder(t *testing.T) {
	for text, want := range map[string][]int{
		"0":       {0},
		"0-3,8\n": {0, 1, 2, 3, 8},
		"8,0-3":   {8, 0, 1, 2, 3},
		"3,2,1":   {3, 2, 1},
		"65535":   {65535},
	} {
		got, err := Parse(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
		again, err := Parse(Format(got))
		if err != nil || !slices.Equal(again, want) {
			t.Errorf("%q is written as %q, which is %v, %v", text, Format(got), again, err)
		}
	}
}

func TestRunsAreWrittenAsRanges(t *testing.T) {
	for want, cpus := range map[string][]int{
		"":          nil,
		"5":         {5},
		"0-1":       {0, 1},
		"0-3,8":     {0, 1, 2, 3, 8},
		"3,2,1":     {3, 2, 1},
		"0,2,4-5,1": {0, 2, 4, 5, 1},
	} {
		if got := Format(cpus); got != want {
			t.Errorf("%v: %q, want %q", cpus, got, want)
		}
	}
}

func TestBadListsAreRefusedWithAReason(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "the list is empty",
		" \n":                  "the list is empty",
		"a":                    `"a": want whole numbers`,
		"1,,2":                 `"": want whole numbers`,
		"1,":                   `"": want whole numbers`,
		"-1":                   `"-1": want whole numbers`,
		"+1":                   `"+1": want whole numbers`,
		"1-":                   `"1-": want whole numbers`,
		"1-2-3":                `"1-2-3": want whole numbers`,
		"3-1":                  `"3-1": the range is reversed: want 1-3`,
		"0-3,2":                "CPU 2 is there twice",
		"1 - 2":                `"1 - 2": want whole numbers`,
		"7,7":                  "CPU 7 is there twice",
		"65536":                "there is no CPU 65536",
		"0-2147483647":         "there is no CPU 2147483647",
		"99999999999999999999": "want whole numbers",
	} {
		if got, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want an error with %q", text, got, err, want)
		}
	}
}
