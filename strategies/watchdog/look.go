package watchdog

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/refbench/refbench/strategies"
	"github.com/refbench/refbench/strategies/spec"
)

// looks is how often goroutines are looked at. One that makes call after call is hardly
// ever found in the same operation so many times.
const looks = 8

// Look looks for as long at the goroutines that the caller started, and those that they
// started, and says which operations of counts of the strategy some of them were in all
// the time: "a call of TryGet doesn't return". It is "" if there were none. The stacks
// are those of the goroutines, or if there were none, of all.
//
// Strategies whose counters are of the same type can't be told apart.
func Look(s *strategies.Strategy, long time.Duration) (calls, stacks string) {
	types := typesOf(s.New())
	me := caller()
	seen := in(types, me, all())
	last := ""
	for range looks - 1 {
		time.Sleep(long / (looks - 1))
		last = all()
		now := in(types, me, last)
		for id, g := range seen {
			if h, ok := now[id]; ok && h.op == g.op {
				seen[id] = h
			} else {
				delete(seen, id)
			}
		}
	}
	if len(seen) == 0 {
		return "", last
	}
	var ops []string
	var b strings.Builder
	for _, g := range ordered(seen) {
		if !slices.Contains(ops, g.op) {
			ops = append(ops, g.op)
		}
		b.WriteString(g.stack + "\n\n")
	}
	slices.Sort(ops)
	if len(ops) == 1 {
		return fmt.Sprintf("a call of %s doesn't return", ops[0]), b.String()
	}
	return fmt.Sprintf("calls of %s don't return", strings.Join(ops, " and ")), b.String()
}

// A goroutine is in an operation of a count.
type goroutine struct {
	id, op, stack string
}

// ordered returns the goroutines in the order of their numbers.
func ordered(gs map[string]goroutine) []goroutine {
	var out []goroutine
	for _, g := range gs {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b goroutine) int {
		if len(a.id) != len(b.id) {
			return len(a.id) - len(b.id)
		}
		return strings.Compare(a.id, b.id)
	})
	return out
}

// mostStacks bounds what is read of stacks.
const mostStacks = 64 << 20 // bytes

// all returns the stacks of all goroutines.
func all() string {
	for size := 1 << 18; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= mostStacks {
			return string(buf[:n])
		}
	}
}

// caller returns the number of the goroutine that calls it.
func caller() string {
	buf := make([]byte, 64)
	id, _, _ := heading(string(buf[:runtime.Stack(buf, false)]))
	return id
}

// heading returns the number in "goroutine 7 [running]:", and what comes after that line.
func heading(stack string) (id, rest string, ok bool) {
	line, rest, _ := strings.Cut(stack, "\n")
	words := strings.Fields(line)
	if len(words) < 2 || words[0] != "goroutine" {
		return "", "", false
	}
	return words[1], rest, true
}

// in returns those goroutines that are in an operation of a count of one of the types,
// by their numbers. They are of the family that the ancestor began. Others may be stuck
// since long, and not for what is looked for now.
func in(types []string, ancestor, stacks string) map[string]goroutine {
	found := make(map[string]goroutine)
	parents := make(map[string]string)
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		id, rest, ok := heading(stack)
		if !ok {
			continue
		}
		if _, parent, ok := strings.Cut(rest, " in goroutine "); ok {
			parents[id], _, _ = strings.Cut(parent, "\n") // "created by main.main in goroutine 1"
		}
		// There are two lines for each call, the innermost first. Which call was made
		// from outside is said by the last that matches: Kill may be made of Put.
		g := goroutine{id: id, stack: strings.TrimSpace(stack)}
		for line := range strings.Lines(rest) {
			if op := operation(types, line); op != "" {
				g.op = op
			}
		}
		if g.op != "" {
			found[id] = g
		}
	}
	for id := range found {
		at := id
		for at != "" && at != ancestor {
			at = parents[at]
		}
		if at == "" {
			delete(found, id)
		}
	}
	return found
}

// operation returns the operation of one of the types that a line of a stack is of, or
// "". Such a line is
//
//	example.com/path/pkg.(*Count).TryGet(0xc000012345)
//
// with [...] behind the name of a generic type, and no star and no parentheses for a
// method of the value. In the path's last element dots are written as %2e.
func operation(types []string, line string) string {
	if strings.HasPrefix(line, "\t") {
		return "" // where it is
	}
	line = strings.ReplaceAll(line, "%2e", ".")
	for _, t := range types {
		dot := strings.LastIndex(t, ".")
		for _, prefix := range []string{t[:dot+1] + "(*" + t[dot+1:], t} {
			rest, ok := strings.CutPrefix(line, prefix)
			if !ok {
				continue
			}
			rest = strings.TrimPrefix(rest, "[...]")
			rest = strings.TrimPrefix(rest, ")")
			rest, ok = strings.CutPrefix(rest, ".")
			name, _, open := strings.Cut(rest, "(")
			if ok && open && isOperation(name) {
				return name
			}
		}
	}
	return ""
}

func isOperation(name string) bool {
	return slices.ContainsFunc(spec.Ops(), func(op spec.Op) bool { return op.String() == name })
}

// typesOf returns the names of the counter's type and of those whose methods it has by
// embedding them, as "path/pkg.Name".
func typesOf(c strategies.Counter) []string {
	var names []string
	var add func(t reflect.Type, v reflect.Value)
	add = func(t reflect.Type, v reflect.Value) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
			if t.Kind() == reflect.Interface && (!v.IsValid() || v.IsNil()) {
				return
			}
			if v.IsValid() {
				v = v.Elem()
			}
			if v.IsValid() {
				t = v.Type()
			} else if t.Kind() == reflect.Pointer {
				t = t.Elem()
			} else {
				return
			}
		}
		if t.Name() != "" {
			name, _, _ := strings.Cut(t.Name(), "[")
			if name = t.PkgPath() + "." + name; slices.Contains(names, name) {
				return
			}
			names = append(names, name)
		}
		if t.Kind() != reflect.Struct {
			return
		}
		for i := range t.NumField() {
			if t.Field(i).Anonymous {
				var f reflect.Value
				if v.IsValid() {
					f = v.Field(i)
				}
				add(t.Field(i).Type, f)
			}
		}
	}
	v := reflect.ValueOf(c)
	add(v.Type(), v)
	return names
}
