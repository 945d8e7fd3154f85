package gotest

import "testing"

// The version, which tokens carry, is that of the code: where it lies makes no difference.
func TestVersionIsOfTheCode(t *testing.T) {
	of := func(root, cache, text string) string {
		s := &sources{data: map[string][]byte{
			root + "/a/a.go": []byte("/*line " + root + "/a/a.go:7:1*/" + text),
			root + "/x/b.go": []byte("/*line " + cache + "/m@v1.0.0/b.go:3:1*/package b"),
		}}
		return s.version(root, cache)
	}
	here := of("/home/one/src", "/home/one/go/pkg/mod", "package a")
	if there := of("/two", "/three/mod", "package a"); there != here {
		t.Errorf("%s there, and %s here", there, here)
	}
	if other := of("/home/one/src", "/home/one/go/pkg/mod", "package a // other"); other == here {
		t.Error("other code has the same version")
	}
}
