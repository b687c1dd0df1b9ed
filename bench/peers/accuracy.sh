#!/usr/bin/env bash
# Compares the results of jobs with those of Keras: see --help. Needs `npm run build`, and the environment of
# `setup.sh keras`, or another folder with it in KERAS.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"${KERAS:-$here/.venv-keras}/bin/python" "$here/accuracy.py" "$@"
