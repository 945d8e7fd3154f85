package bad

import _ "embed"

//go:embed x.txt
var s string
