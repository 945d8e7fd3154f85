package section

import (
	"os"
	"strconv"
	"strings"
)

// onlineCPUs returns one more than the highest number of a CPU that is online, or 0.
func onlineCPUs() int {
	text, err := os.ReadFile("/sys/devices/system/cpu/online")
	if err != nil {
		return 0
	}
	return afterLast(string(text))
}

// afterLast returns one more than the last number of a list such as 0-3,8-11, or 0 if it
// isn't one.
func afterLast(list string) int {
	list = strings.TrimSpace(list)
	n, err := strconv.Atoi(list[strings.LastIndexAny(list, "-,")+1:])
	if err != nil || n < 0 || n >= maxCPUs {
		return 0
	}
	return n + 1
}

// maxCPUs is more than any Linux has (NR_CPUS).
const maxCPUs = 1 << 16
