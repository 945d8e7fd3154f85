//go:build !windows

package pending

import (
	"path/filepath"

	"github.com/google/renameio/v2"
)

// A File is written under another name and takes its place once it is whole.
type File = renameio.PendingFile

// New begins a file of that name.
func New(path string) (*File, error) {
	return renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)),
		renameio.WithPermissions(0o666), renameio.WithExistingPermissions())
}
