package bad

import (
	"context"
	"log/slog"
)

func F(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "") }
