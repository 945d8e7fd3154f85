package driver

import (
	"fmt"

	"github.com/refbench/refbench/fuzz/program"
	"github.com/refbench/refbench/strategies"
)

// listen makes the new count of an object report to a monitor of its own.
func (o *object) listen() {
	o.monitor = strategies.Monitor{}
	if c, ok := o.c.(strategies.Monitored); ok {
		c.Monitor(&o.monitor)
	}
}

// misuses reports whether the execution of the program may misuse the object: by a step that
// passes no guard, or past the limit.
func (x *Execution) misuses(object int) bool {
	o := x.p.Objects[object]
	for _, s := range x.p.All() {
		if s.Wild && int(s.Object) == object {
			return true
		}
	}
	return o.Immortal || x.o.Starts && o.Start == program.StartNear
}

// Reported returns what a count has told its monitor though the program misuses nothing, or
// nil. No thread runs.
func (x *Execution) Reported() error {
	for i := range x.p.Objects {
		if what := x.reported(i); what != "" {
			return fmt.Errorf("object %s: %s", program.ObjectName(i), what)
		}
	}
	return nil
}

func (x *Execution) reported(object int) string {
	o := &x.objects[object]
	if o.misused || o.monitor.Total() == 0 {
		return ""
	}
	for _, k := range strategies.MisuseKinds() {
		if o.monitor.Count(k) > 0 {
			return fmt.Sprintf("the monitor was told of misuse (%v), and nothing was misused", k)
		}
	}
	return ""
}
