package bad

// int one() { return 1; }
import "C"

var _ = C.one()
