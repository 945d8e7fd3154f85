package testing

import (
	"fmt"
	"reflect"
)

// F is a fuzz target. It runs with the inputs of Add.
type F struct {
	common
	inputs [][]any
}

// Add adds an input.
func (f *F) Add(args ...any) { f.inputs = append(f.inputs, args) }

// Fuzz calls ff with each input.
func (f *F) Fuzz(ff any) {
	fn := reflect.ValueOf(ff)
	for i, args := range f.inputs {
		t := &T{common: common{run: f.run, name: fmt.Sprintf("%s/seed#%d", f.name, i), parent: &f.common}}
		if !options.matches(t.name) {
			continue
		}
		t.do(func(t *T) {
			in := []reflect.Value{reflect.ValueOf(t)}
			for j, a := range args {
				in = append(in, reflect.ValueOf(a).Convert(fn.Type().In(j+1)))
			}
			fn.Call(in)
		})
	}
}
