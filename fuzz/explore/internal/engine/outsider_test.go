package engine

import (
	"strings"
	"testing"
)

// TestOutsider: a goroutine that uses an explored object though the explorer didn't
// start it, as one of a go statement does, is told what is wrong.
func TestOutsider(t *testing.T) {
	for name, use := range map[string]func(*Engine){
		"noting":     func(e *Engine) { e.note, e.gen = true, metaIndex+1; e.Before(OpStore, new(Meta)) },
		"not noting": func(e *Engine) { e.Before(OpStore, new(Meta)) },
	} {
		e := New()
		func() {
			defer func() {
				if r, ok := recover().(string); !ok || !strings.Contains(r, "explore.Go") {
					t.Errorf("%s: panic %q, want one that says how threads start", name, r)
				}
			}()
			use(e)
		}()
		e.Close()
	}
}
