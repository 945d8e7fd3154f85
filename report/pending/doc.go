// Package pending is files that are written under another name and take their place once
// they are whole.
package pending
