package cpu

import "golang.org/x/sys/unix"

// Model returns the CPU's name, or "unknown".
func Model() string {
	s, err := unix.Sysctl("machdep.cpu.brand_string")
	if err != nil || s == "" {
		return "unknown"
	}
	return s
}

// Kernel returns the kernel's name and release.
func Kernel() string {
	s, err := unix.Sysctl("kern.osrelease")
	if err != nil || s == "" {
		return "unknown"
	}
	return "Darwin " + s
}
