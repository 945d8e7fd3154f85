package watchdog

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"runtime"
	"runtime/debug"
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
	methods, me := methodsOf(s.New()), number(string(debug.Stack()))
	stacks = all()
	seen := in(methods, me, stacks)
	for range looks - 1 {
		time.Sleep(long / (looks - 1))
		stacks = all()
		now := in(methods, me, stacks)
		maps.DeleteFunc(now, func(id int, g goroutine) bool { return seen[id].op != g.op })
		seen = now
	}
	if len(seen) == 0 {
		return "", stacks
	}
	var ops []string
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(seen)) {
		ops = append(ops, seen[id].op)
		b.WriteString(seen[id].stack + "\n\n")
	}
	slices.Sort(ops)
	ops = slices.Compact(ops)
	if len(ops) == 1 {
		return fmt.Sprintf("a call of %s doesn't return", ops[0]), b.String()
	}
	return fmt.Sprintf("calls of %s don't return", strings.Join(ops, " and ")), b.String()
}

// A goroutine is in an operation of a count.
type goroutine struct{ op, stack string }

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

// number returns the number after "goroutine " where the text first has that, or 0.
func number(text string) (n int) {
	_, text, _ = strings.Cut(text, "goroutine ")
	fmt.Sscan(text, &n) // else it stays 0
	return n
}

// in returns those goroutines that are in one of the methods, by their numbers. They are
// of the family that the ancestor began. Others may hang since long, and not for
// what is looked for now.
func in(methods *regexp.Regexp, ancestor int, stacks string) map[int]goroutine {
	found := make(map[int]goroutine)
	parents := make(map[int]int)
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		// The last line is "created by main.main in goroutine 1" and where.
		heading, rest, _ := strings.Cut(stack, "\n")
		id := number(heading)
		parents[id] = number(rest)
		// The innermost call comes first. Which was made from outside is said by the
		// last that matches: Kill may be made of Put.
		if calls := methods.FindAllStringSubmatch(strings.ReplaceAll(rest, "%2e", "."), -1); calls != nil {
			found[id] = goroutine{calls[len(calls)-1][1], strings.TrimSpace(stack)}
		}
	}
	maps.DeleteFunc(found, func(id int, _ goroutine) bool {
		for id != 0 && id != ancestor {
			id = parents[id]
		}
		return id == 0
	})
	return found
}

// methodsOf returns what matches a line of a stack in an operation of the counter, or of
// what it has embedded. Such a line is
//
//	example.com/path/pkg.(*Count).TryGet(0xc000012345)
//
// with [...] behind the name of a generic type, and no star and no parentheses for a
// method of the value. In the path's last element dots are written as %2e.
func methodsOf(c strategies.Counter) *regexp.Regexp {
	var types, ops []string
	for _, name := range typesOf(c) {
		dot := strings.LastIndex(name, ".") + 1
		types = append(types, regexp.QuoteMeta(name[:dot])+`(?:\(\*)?`+regexp.QuoteMeta(name[dot:]))
	}
	for _, op := range spec.Ops() {
		ops = append(ops, op.String())
	}
	return regexp.MustCompile(`(?m)^(?:` + strings.Join(types, "|") + `)(?:\[\.\.\.\])?\)?\.(` + strings.Join(ops, "|") + `)\(`)
}

// typesOf returns the names of the counter's type and of those whose methods it has by
// embedding them, as "path/pkg.Name".
func typesOf(c strategies.Counter) []string {
	var names []string
	var add func(v reflect.Value)
	add = func(v reflect.Value) {
		for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
			if v.Kind() == reflect.Pointer && v.IsNil() {
				v = reflect.New(v.Type().Elem()) // for its type
			}
			v = v.Elem()
		}
		if !v.IsValid() {
			return
		}
		t := v.Type()
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
				add(v.Field(i))
			}
		}
	}
	add(reflect.ValueOf(c))
	return names
}
