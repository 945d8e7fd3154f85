//go:build !race

package section

const raceDetector = false
