#!/usr/bin/env bash
# Opens models of Descent with Keras, safetensors and ONNX, and lets Keras train on; and those of tables with Keras.
# Needs `npm run build`, and the environment of `setup.sh keras`, to which it adds safetensors and onnx.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=${1:-$here/.venv-keras}
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
"$environment/bin/pip" install --quiet --disable-pip-version-check safetensors==0.6.2 onnx==1.23.2
node "$here/../../dist/bench/export-for-peers.js" "$folder"
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES= "$environment/bin/python" "$here/open_models.py" "$folder"
"$environment/bin/python" "$here/open_tables.py"
