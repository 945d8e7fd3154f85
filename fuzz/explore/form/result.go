package form

// The functions here return a zero of the type that a function returns, for declarations of
// variables whose type can't be written. They call nothing.

// Result0 is for functions without parameters.
func Result0[R any](func() R) (r R) { return }

// Result1 is for functions with one parameter.
func Result1[A, R any](func(A) R) (r R) { return }

// Result2 is for functions with two parameters.
func Result2[A, B, R any](func(A, B) R) (r R) { return }

// Result3 is for functions with three parameters.
func Result3[A, B, C, R any](func(A, B, C) R) (r R) { return }

// Result1V is for functions with a variable number of parameters.
func Result1V[A, R any](func(...A) R) (r R) { return }

// Result2V is for functions with one parameter and more.
func Result2V[A, B, R any](func(A, ...B) R) (r R) { return }

// Result3V is for functions with two parameters and more.
func Result3V[A, B, C, R any](func(A, B, ...C) R) (r R) { return }
