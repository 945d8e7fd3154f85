#!/bin/bash -eu
# Builds the fuzz targets of refbench for libFuzzer, into $OUT, from the root of the
# repository. ClusterFuzzLite runs it in the image base-builder-go, OSS-Fuzz does so
# through ossfuzz/build.sh, and .ci/fuzz with a stand-in for the command
# compile_native_go_fuzzer_v2 of that image.

package=github.com/refbench/refbench/fuzz
targets=(
	FuzzCorpusFile
	FuzzExplored
	FuzzSequential
)

# A container has another user than the checkout.
export GOFLAGS="${GOFLAGS:-} -buildvcs=false"

# If the image's Go is older than go.mod asks for, the go command fetches another one
# into the module cache. go-118-fuzz-build v2 replaces a file of package testing, and
# the go command refuses that for files in the module cache: it needs a copy.
work=${WORK:-$(mktemp -d)}
goroot=$(go env GOROOT)
if [[ $goroot == "$(go env GOMODCACHE)"/* ]]; then
	rm -rf "$work/go"
	cp -r "$goroot" "$work/go"
	chmod -R u+w "$work/go"
	export GOROOT=$work/go PATH=$work/go/bin:$PATH GOTOOLCHAIN=local
fi

# It also reads the source with what it was built with, which must know that Go. The
# Dockerfiles put its source here.
if [ -d "${SRC:-/src}/go-118-fuzz-build" ]; then
	(cd "${SRC:-/src}/go-118-fuzz-build" && GOFLAGS=-mod=mod go build -buildvcs=false -o "$work/bin/go-118-fuzz-build_v2" .)
	export PATH=$work/bin:$PATH
fi

# What fuzzing found here is in testdata.
from=(--from fuzz/corpus)
if [ -d fuzz/testdata/fuzz ]; then
	from+=(--from fuzz/testdata/fuzz)
fi
# In the layout that the targets expect: see package fuzz/corpus.
go run ./cmd/refbench corpus export --form seeds --layout "${REFBENCH_LAYOUT:-v2}" \
	"${from[@]}" -o "$OUT" "${targets[@]}"
cp .clusterfuzzlite/*.options .clusterfuzzlite/*.dict "$OUT"/

# A build for coverage fails if the name of a target is in another Go file below its
# package too, where only comments and messages have it.
if [ "${SANITIZER:-}" = coverage ]; then
	for target in "${targets[@]}"; do
		grep -rl --include='*.go' --exclude='*_fuzz_test.go' "$target" fuzz | xargs -r sed -i "s/$target/${target/Fuzz/Fuzz-}/g"
	done
fi

for target in "${targets[@]}"; do
	compile_native_go_fuzzer_v2 $package "$target" "$target"
	# Where it finds no such function it says so and is content.
	[ -x "$OUT/$target" ] || { echo "$target was not built"; exit 1; }
done
