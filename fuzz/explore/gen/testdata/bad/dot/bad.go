package bad

import . "sync"

var mu Mutex
