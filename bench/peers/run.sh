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

Appends one line of JSON a run to FILE; progress goes to standard error.

  --rounds N        how often each row runs (1)
  --only REGEX      only rows that match, such as jax, torch:loop/1 or /default
  --data FOLDER     folder of the IDX files (MNIST, from node_modules)
  --epochs N        (10)
  --folder FOLDER   where setup.sh put the environments (bench/peers)

Rows: ${rows[*]}, each with /1 (one thread, held on one core) and /default (all).
TEXT
}

out='' rounds=1 only='' folder=$here options=()
while (($#)); do
  case $1 in
    --help | -h) usage; exit ;;
    --out) out=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    --only) only=$2; shift 2 ;;
    --folder) folder=$2; shift 2 ;;
    --data | --epochs) options+=("$1" "$2"); shift 2 ;;
    *) usage >&2; exit 2 ;;
  esac
done
[[ -n $out ]] || { usage >&2; exit 2; }

failed=0
for ((round = 1; round <= rounds; round++)); do
  for threads in 1 default; do
    for row in "${rows[@]}"; do
      [[ $row/$threads =~ $only ]] || continue
      framework=${row%:*} started=$SECONDS
      if line=$("$folder/.venv-$framework/bin/python" "$here/${framework}_mnist.py" \
        --variant "${row#*:}" --threads "$threads" ${options[@]+"${options[@]}"} 2>"$out.stderr"); then
        echo "$line" >>"$out"
        echo "round $round/$rounds $row/$threads: $((SECONDS - started)) s" >&2
      else
        failed=1
        echo "round $round/$rounds $row/$threads: failed" >&2
        cat "$out.stderr" >&2
      fi
    done
  done
done
rm -f "$out.stderr"
exit "$failed"
