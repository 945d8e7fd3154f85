package bad

import "time"

func F() { time.LoadLocation("UTC") }
