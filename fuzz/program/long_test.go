package program

import (
	"strings"
	"testing"
)

// Whatever a word is, the error quotes it in one line that is short.
func TestErrorsOfLongWordsAreShort(t *testing.T) {
	for _, call := range []string{strings.Repeat("\x01", 300), strings.Repeat("\xff", 40), strings.Repeat("\xff", 26), strings.Repeat("\x01", 26), strings.Repeat("x", 39) + "(", strings.Repeat("\xff", 300) + "("} {
		if _, err := Parse("a." + call); err == nil || len(err.Error()) > 400 {
			t.Errorf("a.%q: the error is %v", call, err)
		}
	}
}
