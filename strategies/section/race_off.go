//go:build !race

package section

//lint:ignore U1000 platforms without sections use it
const raceDetector = false
