#!/bin/sh
# Backs up an installation of npm start or descent.service: jobs, files and the private Redis, all in DATA_DIR.
# Usage: backup.sh <DATA_DIR> <file.tar.gz>      Stop Descent first; this refuses while it runs.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 <DATA_DIR> <file.tar.gz>" >&2; exit 2; }
data=$(cd "$1" && pwd)
for socket in "$data"/run/*.sock; do
  if [ -S "$socket" ] && command -v redis-cli >/dev/null && redis-cli -s "$socket" ping >/dev/null 2>&1; then
    echo "Descent runs in $data: stop it first, so that Redis and the files are of one moment." >&2
    exit 1
  fi
done
umask 077
# The sockets and the lock belong to running processes; the prepared files of built-in datasets (name-hash.prepared) are
# made anew when they are missing, and an upload that was under way is lost. Uploaded datasets are copied.
tar --create --gzip --file "$2.part" --directory "$data" --exclude ./run \
  --exclude './datasets/*-*.prepared' --exclude './datasets/.upload-*' .
mv "$2.part" "$2"
echo "Wrote $2: $(du -h "$2" | cut -f1), $(tar --list --gzip --file "$2" | grep -c '/job_[^/]*/$' || true) jobs with files."
