package outside

import (
	"fmt"
	"regexp"
	"strings"
)

// An InputError is a mistake in what is to be built in, or in how it is named, and not
// that something failed. Its lines say what to do.
type InputError struct{ text string }

func (e *InputError) Error() string { return e.text }

func inputf(format string, args ...any) error { return &InputError{fmt.Sprintf(format, args...)} }

var tooOld = regexp.MustCompile(`(\S+) requires go >= (\S+) \(running go (\S+?)[;)]`)

// offline are what the go command says if it can't reach a proxy.
var offline = []string{"dial tcp", "no such host", "lookup disabled by GOPROXY=off", "connection refused", "i/o timeout", "Client.Timeout", "network is unreachable", "TLS handshake"}

// missing are what it says of a module or version that nobody has.
var missing = []string{"unknown revision", "no matching versions", "invalid version", "404 Not Found", "410 Gone", "malformed module path", "not a valid version", "repository not found", "no such file", "unrecognized import path"}

// goError is what the go command's failure means. about is what it was called for.
func goError(about, said string, err error) error {
	said = strings.TrimSpace(said)
	if m := tooOld.FindStringSubmatch(said); m != nil {
		who := strings.TrimSuffix(m[1], ":")
		if who == "go.mod" { // the temporary one, which has the newest of all
			who = about
		}
		return inputf("%s needs Go %s, and this is Go %s: install that one, or let the go command fetch it with GOTOOLCHAIN=auto", who, m[2], m[3])
	}
	line := said
	for l := range strings.Lines(said) {
		// What it does comes before what went wrong.
		if l = strings.TrimSpace(l); !strings.HasPrefix(l, "go: downloading") && !strings.HasPrefix(l, "go: finding") && !strings.HasPrefix(l, "go: added") && l != "" {
			line = strings.TrimPrefix(l, "go: ")
			break
		}
	}
	has := func(list []string) bool {
		for _, text := range list {
			if strings.Contains(said, text) {
				return true
			}
		}
		return false
	}
	switch {
	case has(offline):
		return inputf("%s isn't in the module cache, and can't be downloaded here (%s): fetch it with the network once, or name a folder", about, line)
	case has(missing):
		return inputf("%s: %s: name a version that there is", about, line)
	case line == "":
		return fmt.Errorf("%s: the go command: %w", about, err)
	}
	return fmt.Errorf("%s: the go command: %s", about, said)
}
