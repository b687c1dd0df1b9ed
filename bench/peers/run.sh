#!/usr/bin/env bash
# Runs the rows in turn, round after round, so that a slow spell of the machine meets them all.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

rows=(
  keras:fit keras:fit-fast keras:loop
  torch:plain torch:eager torch:compile torch:loop
  jax:plain jax:optax jax:scan
)

usage() {
  cat <<TEXT
Usage: bench/peers/run.sh --out FILE [options]
       bench/peers/run.sh --list

Appends one line of JSON a run to FILE (- = standard output); progress goes to standard error. --list prints the rows.

  --rounds N        how often each row runs (1)
  --only REGEX      only rows that match, such as jax, torch:loop/1 or /default
  --data FOLDER     folder of the IDX files (MNIST, from node_modules)
  --epochs N        (10)
  --folder FOLDER   where setup.sh put the environments (bench/peers)

Rows: ${rows[*]}, each with /1 (one thread, held on one core) and /default (all).
TEXT
}

list() {
  for threads in 1 default; do
    for row in "${rows[@]}"; do echo "$row/$threads"; done
  done
}

out='' rounds=1 only='' folder=$here options=()
while (($#)); do
  case $1 in
    --help | -h) usage; exit ;;
    --list) list; exit ;;
    --out) out=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    --only) only=$2; shift 2 ;;
    --folder) folder=$2; shift 2 ;;
    --data | --epochs) options+=("$1" "$2"); shift 2 ;;
    *) usage >&2; exit 2 ;;
  esac
done
[[ -n $out ]] || { usage >&2; exit 2; }
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

failed=0
for ((round = 1; round <= rounds; round++)); do
  for threads in 1 default; do
    for row in "${rows[@]}"; do
      [[ $row/$threads =~ $only ]] || continue
      framework=${row%:*} started=$SECONDS
      if line=$("$folder/.venv-$framework/bin/python" "$here/${framework}_mnist.py" \
        --variant "${row#*:}" --threads "$threads" ${options[@]+"${options[@]}"} 2>"$errors"); then
        if [[ $out == - ]]; then echo "$line"; else echo "$line" >>"$out"; fi
        echo "round $round/$rounds $row/$threads: $((SECONDS - started)) s" >&2
      else
        failed=1
        echo "round $round/$rounds $row/$threads: failed" >&2
        cat "$errors" >&2
      fi
    done
  done
done
exit "$failed"
