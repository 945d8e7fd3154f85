package report

import (
	"errors"
	"os"
	"path/filepath"
)

// A pendingFile is written under another name and takes its place once it is whole.
// Package renameio has none for Windows, where a rename may leave neither file.
type pendingFile struct {
	*os.File
	path string
	done bool
}

func newPendingFile(path string) (*pendingFile, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path))
	if err != nil {
		return nil, err
	}
	return &pendingFile{File: f, path: path}, nil
}

// CloseAtomicallyReplace puts the file into its place.
func (p *pendingFile) CloseAtomicallyReplace() error {
	if err := errors.Join(p.Sync(), p.Close()); err != nil {
		return err
	}
	p.done = true
	return os.Rename(p.Name(), p.path)
}

// Cleanup removes the file if it isn't in its place.
func (p *pendingFile) Cleanup() error {
	if p.done {
		return nil
	}
	p.Close() // it may be closed already
	return os.Remove(p.Name())
}
