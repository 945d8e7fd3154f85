package shard

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzShardFile: any bytes are the file of a shard, which is written as one that reads the
// same, or one clear line of error; and what is read can be added up.
func FuzzShardFile(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		h, findings, err := readAll(data)
		if err != nil {
			oneLine(t, err)
			return
		}
		var b bytes.Buffer
		write := func(add func([]byte) error) error {
			for _, raw := range findings {
				if err := add(raw); err != nil {
					return err
				}
			}
			return nil
		}
		if err := h.writeTo(&b, write); err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
		again, same, err := readAll(b.Bytes())
		if err != nil {
			t.Fatalf("what was written can't be read: %v\n%s", err, b.Bytes())
		}
		// Empty lists and lists that aren't there are the same.
		var first, second bytes.Buffer
		none := func(func([]byte) error) error { return nil }
		if err := errors.Join(h.writeTo(&first, none), again.writeTo(&second, none)); err != nil || first.String() != second.String() || !reflect.DeepEqual(findings, same) {
			t.Fatalf("read:\n%s%q\nand again:\n%s%q (%v)", &first, findings, &second, same, err)
		}
		if what := h.Plan.misfit(&again.Plan); what != "" {
			t.Fatalf("a plan doesn't fit itself: %s", what)
		}
		m := &Merged{Header: *h}
		m.Header.order()
		m.missing(make(map[int]string))
		m.total()
		if len(m.Missing) != h.Plan.Shards || len(m.Totals) != len(h.Plan.Items) {
			t.Fatalf("%d shards are missing and %d items added up, of %d and %d", len(m.Missing), len(m.Totals), h.Plan.Shards, len(h.Plan.Items))
		}
		if err := m.unite(func(yield func(found) error) error {
			for _, raw := range findings {
				f, err := findingOf(raw, "x.json")
				if err != nil {
					return err
				}
				if err := yield(f); err != nil {
					return err
				}
			}
			return nil
		}, func([]byte) error { return nil }); err != nil {
			oneLine(t, err)
		}
	})
}

func readAll(data []byte) (h *Header, findings []jsontext.Value, err error) {
	h, err = read(bytes.NewReader(data), func(raw jsontext.Value) error {
		findings = append(findings, raw.Clone())
		return nil
	})
	return h, findings, err
}

func oneLine(t *testing.T, err error) {
	if text := err.Error(); text == "" || strings.ContainsAny(text, "\n\x1b\x00") {
		t.Fatalf("the error isn't one clear line: %q", text)
	}
}
