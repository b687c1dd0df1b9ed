#!/usr/bin/env bash
# Uploads files that NumPy, pandas, Pillow and zip write, and compares the rows. Needs `npm run build`, and the
# environment of `setup.sh keras`, to which it adds what requirements-files.txt names.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=${1:-$here/.venv-keras}
"$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements-files.txt"
"$environment/bin/python" "$here/foreign_files.py"
