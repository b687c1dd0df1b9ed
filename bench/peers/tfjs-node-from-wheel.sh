#!/usr/bin/env bash
# Builds @tensorflow/tfjs-node where its own download cannot be reached. Its addon is small, and the C API that it calls
# is also in the tensorflow-cpu wheel of the Python registry.
set -euo pipefail

TFJS=4.22.0
TENSORFLOW=2.21.0
NODE_API_HEADERS=1.9.0

usage() {
  cat <<END
Usage: bench/peers/tfjs-node-from-wheel.sh [FOLDER]

Puts @tensorflow/tfjs-node $TFJS, built against TensorFlow $TENSORFLOW, into FOLDER (default: a new
one under the temporary folder) and says how to have Descent use it. Nothing is changed elsewhere.

Needs Linux on x86-64, Node 22 or older, npm, g++, python3 with pip, and 2.5 GB of room while it
works; 1.2 GB stay. Downloads about 350 MB through npm and pip.
END
}

case "${1-}" in
  -h | --help) usage; exit 0 ;;
  -*) usage >&2; exit 2 ;;
esac
[ $# -le 1 ] || { usage >&2; exit 2; }

fail() { echo "$1" >&2; exit 1; }
for tool in node npm g++ python3; do
  command -v "$tool" > /dev/null || fail "$tool is needed"
done
[ "$(uname -sm)" = 'Linux x86_64' ] || fail "There is a tensorflow-cpu wheel for Linux on x86-64, not for $(uname -sm)"
node -e 'process.exit("isNullOrUndefined" in require("util") ? 0 : 1)' ||
  fail "tfjs-node $TFJS needs Node 22 or older, and this is $(node --version)"

folder=${1:-$(mktemp -d "${TMPDIR:-/tmp}/tfjs-node-XXXXXX")}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
package=$folder/node_modules/@tensorflow/tfjs-node
echo "Building in $folder"

echo "- the package, without its install script"
echo '{ "private": true }' > "$folder/package.json"
npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error \
  "@tensorflow/tfjs-node@$TFJS" "node-api-headers@$NODE_API_HEADERS"

echo "- the wheel"
# Whichever Python runs: only its C library is used.
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
  --dest "$folder/wheel" "tensorflow-cpu==$TENSORFLOW"
python3 - "$folder"/wheel/*.whl "$folder/wheel" <<'PYTHON'
import sys, zipfile

with zipfile.ZipFile(sys.argv[1]) as wheel:
    wanted = ("tensorflow/include/", "tensorflow/libtensorflow_")
    wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if name.startswith(wanted)])
PYTHON
mkdir -p "$package/deps/lib" "$package/lib/napi-v8"
mv "$folder"/wheel/tensorflow/libtensorflow_{cc,framework}.so.2 "$package/deps/lib"

echo "- the addon"
# As binding.gyp says, but for the name of the library: the wheel's libtensorflow_cc has the C API too.
g++ -std=c++17 -O2 -fPIC -shared -DNAPI_VERSION=8 \
  -I"$folder/wheel/tensorflow/include" -I"$folder/node_modules/node-api-headers/include" \
  "$package"/binding/{tfjs_backend,tfjs_binding}.cc -o "$package/lib/napi-v8/tfjs_binding.node" \
  -L"$package/deps/lib" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 \
  -Wl,-rpath,'$ORIGIN/../../deps/lib'
rm -r "$folder/wheel"

echo "- a first product"
TF_CPP_MIN_LOG_LEVEL=2 node - "$package" <<'JAVASCRIPT'
const tf = require(process.argv[2]);
const product = tf.matMul([[1, 2], [3, 4]], [[5], [6]]).dataSync();
if (product.join() !== '17,39') throw new Error(`1 2, 3 4 times 5 6 is 17 39, not ${product}`);
console.log(`  right, on TensorFlow ${tf.backend().binding.TF_Version}, Node ${process.version}`);
JAVASCRIPT

cat <<END

In Descent's folder, with the same Node:
  ln -sfn $package node_modules/@tensorflow/tfjs-node
Then GET /engines shows it, the engine tensorflow uses it, and npm test tests it. npm install removes
the link again.
END
