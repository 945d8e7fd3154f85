#!/bin/bash -eu
# Copyright the refbench authors. Licensed under the Apache License, Version 2.0:
# http://www.apache.org/licenses/LICENSE-2.0

# The targets are listed there, beside their code, for ClusterFuzzLite too. FuzzStress runs
# real threads, so that what it finds doesn't come again from its input: OSS-Fuzz would report
# it and close it in turns.
export REFBENCH_WITHOUT=FuzzStress
exec bash -eu "$SRC/refbench/.clusterfuzzlite/build.sh"
