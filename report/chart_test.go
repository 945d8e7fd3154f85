package report

import (
	"slices"
	"testing"
)

// The names beside lines stand apart, in the picture, and near the ends of their lines.
func TestLabelsStandApartInThePicture(t *testing.T) {
	for _, tt := range []struct{ ys, want []float64 }{
		{[]float64{20, 50, 80}, []float64{20, 50, 80}},
		{[]float64{20, 21, 80}, []float64{20, 30, 80}},
		{[]float64{0, 1, 2}, []float64{10, 20, 30}},
		{[]float64{98, 99, 120}, []float64{70, 80, 90}},
		{[]float64{50, 89, 90}, []float64{50, 80, 90}},
	} {
		ys := slices.Clone(tt.ys)
		spread(ys, 10, 10, 90)
		if !slices.Equal(ys, tt.want) {
			t.Errorf("%v become %v, want %v", tt.ys, ys, tt.want)
		}
	}
}
