package workloads

import (
	"fmt"
	"strconv"
	"strings"
)

// A Knob is a setting of a workload: an integer, with its unit in the doc.
type Knob struct {
	Name     string // ^[a-z][a-z0-9]*$
	Doc      string // one line, with the unit
	Default  int
	Min, Max int
}

// Settings are values of knobs by name. A knob that isn't in them has its
// default.
type Settings map[string]int

// ParseSettings parses "name=value,name=value" for the workload w. The empty
// string is no settings.
func (w *Workload) ParseSettings(text string) (Settings, error) {
	s := make(Settings)
	if text == "" {
		return s, nil
	}
	for _, item := range strings.Split(text, ",") {
		name, value, ok := strings.Cut(item, "=")
		if !ok {
			return nil, fmt.Errorf("knob %q of workload %s: want name=value", item, w.Name)
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			return nil, fmt.Errorf("knob %s of workload %s: %q is not a whole number", name, w.Name, value)
		}
		if _, twice := s[name]; twice {
			return nil, fmt.Errorf("knob %s of workload %s: set twice", name, w.Name)
		}
		s[name] = n
	}
	return s, w.CheckSettings(s)
}

// CheckSettings returns an error if a setting names no knob of w or is out of
// the knob's range.
func (w *Workload) CheckSettings(s Settings) error {
	known := make(map[string]bool, len(w.Knobs))
	names := make([]string, 0, len(w.Knobs))
	for _, k := range w.Knobs {
		known[k.Name] = true
		names = append(names, k.Name)
		v, set := s[k.Name]
		if set && (v < k.Min || v > k.Max) {
			return fmt.Errorf("knob %s of workload %s: %d is outside %d .. %d", k.Name, w.Name, v, k.Min, k.Max)
		}
	}
	for name := range s {
		if !known[name] {
			return fmt.Errorf("knob %q: workload %s has %s", name, w.Name, strings.Join(names, ", "))
		}
	}
	return nil
}

// Value returns the value of the knob called name: the setting or the default.
// It panics if w has no such knob.
func (w *Workload) Value(s Settings, name string) int {
	for _, k := range w.Knobs {
		if k.Name == name {
			if v, ok := s[name]; ok {
				return v
			}
			return k.Default
		}
	}
	panic(fmt.Sprintf("workload %s has no knob %q", w.Name, name))
}

// Keys returns "/name=value" for every setting that isn't the default, in the
// order of the knobs: the part of a benchmark's name that tells variants of a
// workload apart.
func (w *Workload) Keys(s Settings) string {
	var b strings.Builder
	for _, k := range w.Knobs {
		if v, ok := s[k.Name]; ok && v != k.Default {
			fmt.Fprintf(&b, "/%s=%d", k.Name, v)
		}
	}
	return b.String()
}
