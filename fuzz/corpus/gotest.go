package corpus

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// goHeader is the first line of the Go form, internal/fuzz/encoding.go in Go's
// library.
const goHeader = "go test fuzz v1"

// maxText bounds a file in Go form: a byte is written with at most four.
const maxText = 4*MaxBytes + 64

// IsGo reports whether a file says that it is in Go form.
func IsGo(file []byte) bool {
	line, _, _ := bytes.Cut(file, []byte("\n"))
	return string(bytes.TrimSuffix(line, []byte("\r"))) == goHeader
}

// ParseGo returns the input in a file of the Go form. It is an error if the file has
// not exactly one value, or if that isn't a []byte.
func ParseGo(file []byte) ([]byte, error) {
	switch {
	case len(file) == 0:
		return nil, errors.New("is empty")
	case !IsGo(file):
		return nil, fmt.Errorf("doesn't begin with %q", goHeader)
	}
	_, text, _ := strings.Cut(string(file), "\n")
	value := strings.TrimSpace(text)
	switch {
	case value == "":
		return nil, errors.New("is cut: there is no argument after the first line")
	case strings.Contains(value, "\n"):
		return nil, errors.New("has several arguments, and the targets take one []byte")
	}
	typ, rest, ok := strings.Cut(value, "(")
	if !ok {
		return nil, fmt.Errorf("has an argument that is no conversion: %s", short(value))
	}
	if strings.TrimSpace(typ) != "[]byte" {
		return nil, fmt.Errorf("has an argument of type %s, and the targets take []byte", short(typ))
	}
	literal, ok := strings.CutSuffix(rest, ")")
	if !ok {
		return nil, fmt.Errorf("is cut: its argument has no end: %s", short(value))
	}
	literal = strings.TrimSpace(literal)
	s, err := strconv.Unquote(literal)
	if err != nil || literal[0] == '\'' {
		return nil, fmt.Errorf("has an argument that is no string literal: %s", short(value))
	}
	return []byte(s), nil
}

// short returns a text for use in an error: printable, and not all of it if it is long.
func short(s string) string {
	const most = 40
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}

// FormatGo returns the file in Go form of an input.
func FormatGo(data []byte) []byte {
	return fmt.Appendf(nil, "%s\n[]byte(%q)\n", goHeader, data)
}

// GoName is what the go command calls the file of a failing input.
func GoName(data []byte) string { return nameOfText(FormatGo(data)) }

func nameOfText(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(text))[:16] }
