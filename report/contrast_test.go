package report

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// luminance is the relative luminance of WCAG 2.2.
func luminance(c uint32) float64 {
	part := func(shift int) float64 {
		v := float64(c>>shift&255) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}

func contrastOf(a, b uint32) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// mixed is the colour that color-mix(in srgb, a share, b) gives.
func mixed(a, b uint32, share float64) (c uint32) {
	for shift := 0; shift <= 16; shift += 8 {
		v := share*float64(a>>shift&255) + (1-share)*float64(b>>shift&255)
		c |= uint32(math.Round(v)) << shift
	}
	return c
}

// themes returns the variables of the style sheet, for light and dark pages.
func themes(t *testing.T) map[string]map[string]uint32 {
	t.Helper()
	css := pageCSS + seriesCSS(maxSeries, maxMarked)
	all := map[string]map[string]uint32{"light": {}, "dark": {}}
	dark := regexp.MustCompile(`(?s)@media screen and \(prefers-color-scheme: ?dark\) ?\{.*?\}\s*\}`)
	for theme, text := range map[string]string{"light": dark.ReplaceAllString(css, ""), "dark": strings.Join(dark.FindAllString(css, -1), "")} {
		for _, m := range regexp.MustCompile(`--(\w+): ?#([0-9a-f]{6})`).FindAllStringSubmatch(text, -1) {
			v, err := strconv.ParseUint(m[2], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			all[theme][m[1]] = uint32(v)
		}
	}
	return all
}

// Text has a contrast of 4.5:1 with what is behind it, and lines one of 3:1, on light and
// dark pages.
func TestContrast(t *testing.T) {
	const text, line = 4.5, 3
	light, _ := seriesColours()
	for theme, vars := range themes(t) {
		see := func(front, back string, behind uint32, least float64) {
			t.Helper()
			if c := contrastOf(vars[front], behind); c < least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %g", theme, front, back, c, least)
			}
		}
		pairs := 0
		for front, backs := range map[string]string{
			"text": "page card badbg warnbg line point", "soft": "page card", "link": "page card", "lead": "card", "bad": "card page badbg", "warn": "warnbg card",
		} {
			for _, back := range strings.Fields(backs) {
				if vars[front] == vars[back] || vars[front] == 0 && theme == "dark" {
					t.Fatalf("%s: the style sheet has no colours %s and %s", theme, front, back)
				}
				see(front, back, vars[back], text)
				pairs++
			}
		}
		for i := range light {
			s := fmt.Sprintf("s%d", i)
			see(s, "card", vars["card"], line)
			for _, m := range regexp.MustCompile(`td\.h\d \{ background: color-mix\(in srgb, var\(--c\) (\d+)%`).FindAllStringSubmatch(pageCSS, -1) {
				percent, _ := strconv.ParseFloat(m[1], 64)
				back := mixed(vars[s], vars["card"], percent/100)
				see("text", s+" "+m[1]+" %", back, text)
				pairs++
			}
		}
		see("axis", "card", vars["card"], line)
		if pairs < 14+4*len(light) {
			t.Errorf("%s: %d pairs were compared: the style sheet is written otherwise than this test reads it", theme, pairs)
		}
	}
	// The plots beside the page are on white.
	for _, c := range append([]uint32{inkText}, light...) {
		if r := contrastOf(c, inkPage); r < line {
			t.Errorf("plots: #%06x on white has a contrast of %.2f, want %d", c, r, line)
		}
	}
}
