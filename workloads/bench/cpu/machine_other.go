//go:build !linux && !darwin

package cpu

import "os"

// Model returns the CPU's name, or "unknown".
func Model() string {
	// Windows sets this for every process.
	if s := os.Getenv("PROCESSOR_IDENTIFIER"); s != "" {
		return s
	}
	return "unknown"
}

// Kernel returns "unknown": nothing portable tells it.
func Kernel() string { return "unknown" }
