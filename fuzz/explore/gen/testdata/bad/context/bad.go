package bad

import "context"

var _ context.Context
