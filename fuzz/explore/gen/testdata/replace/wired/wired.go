// Package wired stands for one that synchronizes by means of its own.
package wired

// On returns where the caller is.
func On() int { return 0 }

// Move goes elsewhere. The drop-in doesn't have it.
func Move() {}
