package pending

import (
	"errors"
	"os"
	"path/filepath"
)

// A File is written under another name and takes its place once it is whole.
// Package renameio has none for Windows, where a rename may leave neither file.
type File struct {
	*os.File
	path string
	done bool
}

// New begins a file of that name.
func New(path string) (*File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path))
	if err != nil {
		return nil, err
	}
	return &File{File: f, path: path}, nil
}

// CloseAtomicallyReplace puts the file into its place.
func (p *File) CloseAtomicallyReplace() error {
	if err := errors.Join(p.Sync(), p.Close()); err != nil {
		return err
	}
	p.done = true
	return os.Rename(p.Name(), p.path)
}

// Cleanup removes the file if it isn't in its place.
func (p *File) Cleanup() error {
	if p.done {
		return nil
	}
	p.Close() // it may be closed already
	return os.Remove(p.Name())
}
