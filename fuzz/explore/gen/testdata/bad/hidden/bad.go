package bad

import "os/signal"

func F() { signal.Reset() }
