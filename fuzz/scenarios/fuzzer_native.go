//go:build !gofuzz

package scenarios

const slowdown = 1
