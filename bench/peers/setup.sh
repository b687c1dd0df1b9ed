#!/usr/bin/env bash
# Makes a Python virtual environment for each framework.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

usage() {
  cat <<TEXT
Usage: bench/peers/setup.sh [--python PYTHON] [--folder FOLDER] [keras] [torch] [jax]

Makes FOLDER/.venv-keras, .venv-torch and .venv-jax (all, or those named) with the versions pinned in
requirements-*.txt. One that is there already and has them is left alone.

  --python  Python 3.12 or 3.13; without it the first of python3.12, python3.13 and python3 that is one
  --folder  where the environments go; without it bench/peers

Space: keras 1.7 GB, jax 0.5 GB, torch 5.4 GB (on Linux its ordinary wheel is linked against CUDA's libraries
and does not load without them, though only the processor is used here).
TEXT
}

is_right() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 12), (3, 13)))' 2>/dev/null; }

python='' folder=$here names=()
while (($#)); do
  case $1 in
    --help | -h) usage; exit ;;
    --python) python=$2; shift 2 ;;
    --folder) folder=$2; shift 2 ;;
    keras | torch | jax) names+=("$1"); shift ;;
    *) usage >&2; exit 2 ;;
  esac
done
((${#names[@]})) || names=(keras torch jax)

if [[ -z $python ]]; then
  for candidate in python3.12 python3.13 python3 ~/.pyenv/versions/3.1[23].*/bin/python; do
    if is_right "$candidate"; then python=$candidate; break; fi
  done
fi
if [[ -z $python ]] || ! is_right "$python"; then
  echo 'No Python 3.12 or 3.13 found: name one with --python.' >&2
  exit 1
fi

for name in "${names[@]}"; do
  environment=$folder/.venv-$name requirements=$here/requirements-$name.txt
  if cmp -s "$requirements" "$environment/installed.txt"; then
    echo "$environment: up to date"
    continue
  fi
  echo "$environment: installing with $("$python" --version)"
  "$python" -m venv --clear "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
  cp "$requirements" "$environment/installed.txt" # last: an environment without it is made anew
done
