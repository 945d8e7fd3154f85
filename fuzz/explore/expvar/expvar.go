// Package expvar has what stands for the functions of package expvar of the standard library
// that publish variables: nothing is published, so that each execution may do it anew.
package expvar

import "expvar"

// NewInt returns a new integer.
func NewInt(name string) *expvar.Int { return new(expvar.Int) }

// NewFloat returns a new number.
func NewFloat(name string) *expvar.Float { return new(expvar.Float) }

// NewMap returns a new map.
func NewMap(name string) *expvar.Map { return new(expvar.Map).Init() }

// NewString returns a new string.
func NewString(name string) *expvar.String { return new(expvar.String) }

// Publish does nothing.
func Publish(name string, v expvar.Var) {}
