package explore_test

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeHasTheExample: the example of the README is the one that runs.
func TestReadmeHasTheExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(source), "\nfunc ExampleExplore() {")
	if example = "func ExampleExplore() {" + example; !strings.Contains(string(readme), "```go\n"+example+"```") {
		t.Errorf("README.md doesn't have the example of example_test.go:\n%s", example)
	}
}
