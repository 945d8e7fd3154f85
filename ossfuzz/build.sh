#!/bin/bash -eu
# Copyright the refbench authors. Licensed under the Apache License, Version 2.0:
# http://www.apache.org/licenses/LICENSE-2.0

# The targets are listed there, beside their code, for ClusterFuzzLite too.
exec bash -eu "$SRC/refbench/.clusterfuzzlite/build.sh"
