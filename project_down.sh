#!/usr/bin/env bash
# Switches PetroStream off. Data stays unless --purge says otherwise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'TEXT'
Usage: ./project_down.sh [local|aws] [--purge] [--yes]

  local     stop the local lake (default); its data stays for the next ./project_up.sh
  --purge   also delete its data, after naming it and asking
  --yes     with --purge: do not ask
TEXT
}

target=local
options=()
for argument in "$@"; do
  case "$argument" in
    local | aws) target=$argument ;;
    --purge | --yes) options+=("$argument") ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      echo "project_down.sh: unknown argument '$argument'" >&2
      usage >&2
      exit 2
      ;;
  esac
done

if [[ $target == aws ]]; then
  echo "PetroStream cannot deploy to AWS yet, so there is nothing of it to switch off there." >&2
  exit 3
fi

python="${VENV:-.venv}/bin/python"
if [[ ! -x $python ]]; then
  echo "Nothing to stop: PetroStream was never set up here (no $python)."
  exit 0
fi
exec "$python" -m local down "${options[@]+"${options[@]}"}"
