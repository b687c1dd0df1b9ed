#!/usr/bin/env bash
# Compares Descent's update rules and schedules with Keras's, on one fixed sequence of gradients. Needs `npm run build`
# and the environment of `setup.sh keras`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=${1:-$here/.venv-keras}
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
node "$here/../../dist/bench/export-updates-for-peers.js" "$folder"
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES= "$environment/bin/python" "$here/updates.py" "$folder"
