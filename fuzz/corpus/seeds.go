package corpus

import (
	"archive/zip"
	"cmp"
	"io"
	"slices"
	"time"
)

// WriteSeeds writes the zip that libFuzzer starts from, which OSS-Fuzz takes from
// $OUT/<fuzzer>_seed_corpus.zip. The same inputs make the same bytes, in any order:
// files are sorted by their names, which are the SHA-1 of the inputs, and have a
// fixed time.
func WriteSeeds(w io.Writer, inputs [][]byte, layout Layout) error {
	z := zip.NewWriter(w)
	inputs = Sort(slices.Clone(inputs))
	slices.SortFunc(inputs, func(a, b []byte) int { return cmp.Compare(Name(a), Name(b)) })
	for _, data := range inputs {
		f, err := z.CreateHeader(&zip.FileHeader{
			Name:     Name(data),
			Method:   zip.Deflate,
			Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), // the first that a zip can say
		})
		if err != nil {
			return err
		}
		if _, err := f.Write(layout.Encode(data)); err != nil {
			return err
		}
	}
	return z.Close()
}
