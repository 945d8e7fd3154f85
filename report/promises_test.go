package report

import "testing"

// Limits that are powers of two, or one less, are read at a glance.
func TestPowersOfTwoAreWrittenSo(t *testing.T) {
	for text, want := range map[string]string{
		"1023": "1023", "1024": "2¹⁰", "1025": "1025", "2047": "2¹¹-1", "2048": "2¹¹", "3072": "3072", "4294967295": "2³²-1",
		"18446744073709551615": "2⁶⁴-1", "many": "many",
	} {
		if got := powerOfTwo(text); got != want {
			t.Errorf("%s is written as %s, want %s", text, got, want)
		}
	}
}
