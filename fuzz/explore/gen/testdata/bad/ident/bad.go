package bad

import "time"

func F() { time.NewTicker(1) }
