//go:build !windows

package report

import (
	"path/filepath"

	"github.com/google/renameio/v2"
)

// A pendingFile is written under another name and takes its place once it is whole.
type pendingFile = renameio.PendingFile

func newPendingFile(path string) (*pendingFile, error) {
	return renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)),
		renameio.WithPermissions(0o666), renameio.WithExistingPermissions())
}
