#!/usr/bin/env bash
# Switches PetroStream off. Locally the data stays unless --purge says otherwise; on AWS --keep-data keeps it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'TEXT'
Usage: ./project_down.sh [local] [--purge] [--yes]
       ./project_down.sh aws [--keep-data] [--yes] [--iac terraform|cdk] [--no-guardrails]

  local        stop the local lake (default); its data stays for the next ./project_up.sh
  --purge      also delete its data, after naming it and asking

  aws          remove the lake from your AWS account, after naming its data and asking; prints a receipt
               of what remains and what it costs
  --keep-data  leave the buckets, and the catalogue that makes them queryable

  --yes        do not ask
TEXT
}

target=local
options=()
for argument in "$@"; do
  case "$argument" in
    local | aws) target=$argument ;;
    -h | --help)
      usage
      exit 0
      ;;
    --version)
      sed -n 's/^version = "\(.*\)"$/PetroStream \1/p' pyproject.toml
      exit 0
      ;;
    # The tool's name comes after --iac, and is checked where it is used.
    --purge | --yes | --keep-data | --iac | --iac=* | terraform | cdk | --guardrails | --no-guardrails)
      options+=("$argument")
      ;;
    *)
      echo "project_down.sh: unknown argument '$argument'" >&2
      usage >&2
      exit 2
      ;;
  esac
done

python="${VENV:-.venv}/bin/python"
if [[ $target == aws ]]; then
  # Also where nothing was ever set up: the account may hold a lake that was deployed from elsewhere.
  make --no-print-directory setup
  exec "$python" -m deploy down "${options[@]+"${options[@]}"}"
fi

if [[ ! -x $python ]]; then
  echo "Nothing to stop: PetroStream was never set up here (no $python)."
  exit 0
fi
exec "$python" -m local down "${options[@]+"${options[@]}"}"
