#!/bin/sh
# Restores what backup.sh wrote into a new, empty DATA_DIR. Start Descent on it afterwards: running jobs resume.
# Usage: restore.sh <file.tar.gz> <DATA_DIR>
set -eu
[ $# -eq 2 ] || { echo "usage: $0 <file.tar.gz> <DATA_DIR>" >&2; exit 2; }
mkdir -p "$2"
if [ -n "$(ls -A "$2")" ]; then
  echo "$2 is not empty. Restore into a new folder, so that nothing of two installations mixes." >&2
  exit 1
fi
# Owners are those of this user: on a new host the ids may differ.
tar --extract --gzip --file "$1" --directory "$2" --no-same-owner
echo "Restored into $2. If another user runs Descent: chown -R <user> $2"
