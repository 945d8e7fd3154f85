#!/bin/bash -eu
# Builds the fuzz targets of refbench for libFuzzer, into $OUT, from the root of the
# repository. ClusterFuzzLite runs it in the image base-builder-go, OSS-Fuzz does so
# through ossfuzz/build.sh, and .ci/fuzz with a stand-in for the command
# compile_native_go_fuzzer_v2 of that image.

module=github.com/refbench/refbench
targets=( # folder and function
	fuzz.FuzzCorpusFile
	fuzz.FuzzExplored
	fuzz.FuzzHistory
	fuzz.FuzzProgramBytes
	fuzz.FuzzProgramText
	fuzz.FuzzSequential
	fuzz.FuzzStress
	fuzz.FuzzToken
	fuzz/shard.FuzzShardFile
	report.FuzzResultFile
)

# REFBENCH_WITHOUT names targets to leave out.
for without in ${REFBENCH_WITHOUT:-}; do
	kept=()
	for target in "${targets[@]}"; do
		[ "${target##*.}" = "$without" ] || kept+=("$target")
	done
	[ ${#kept[@]} -lt ${#targets[@]} ] || { echo "REFBENCH_WITHOUT: there is no target $without"; exit 1; }
	targets=("${kept[@]}")
done

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

# What fuzzing found is in testdata. In the layout that the targets expect: see package
# fuzz/corpus.
go run ./cmd/refbench corpus export --form seeds --layout "${REFBENCH_LAYOUT:-v2}" \
	--from fuzz/corpus --from fuzz/testdata/fuzz --from fuzz/shard/testdata/fuzz --from report/testdata/fuzz -o "$OUT" "${targets[@]##*.}"
cp .clusterfuzzlite/*.options .clusterfuzzlite/*.dict "$OUT"/

# The builder takes all test files of a folder for one package.
for folder in $(printf '%s\n' "${targets[@]%.*}" | sort -u); do
	for file in $(go list -tags gofuzz -f '{{join .XTestGoFiles " "}}' "./$folder"); do
		mv "$folder/$file" "$folder/$file.hidden"
	done
done
trap 'find . -name "*_test.go.hidden" | while read -r file; do mv "$file" "${file%.hidden}"; done' EXIT

for target in "${targets[@]}"; do
	folder=${target%.*} name=${target##*.}
	# A build for coverage fails if the name is in another Go file below the folder
	# too, where only comments and messages have it.
	if [ "${SANITIZER:-}" = coverage ]; then
		grep -rl --include='*.go' --exclude='*_fuzz_test.go' "$name" "$folder" | xargs -r sed -i "s/$name/${name/Fuzz/Fuzz-}/g"
	fi
	compile_native_go_fuzzer_v2 "$module/$folder" "$name" "$name"
	# Where it finds no such function it says so and is content.
	[ -x "$OUT/$name" ] || { echo "$name was not built"; exit 1; }
done
