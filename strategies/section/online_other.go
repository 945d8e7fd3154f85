//go:build !linux

package section

func onlineCPUs() int { return 0 }
