#!/usr/bin/env bash
# Switches PetroStream on: on this machine (the default) or, later, on AWS.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'TEXT'
Usage: ./project_up.sh [local|aws]

  local   the whole lake on this machine, on an embedded AWS emulator (default)
  aws     the lake in your AWS account: still to come, nothing is created

A second run is quick and keeps the data. ./project_down.sh switches everything off.
TEXT
}

case "${1:-local}" in
  local)
    make --no-print-directory setup
    exec "${VENV:-.venv}/bin/python" -m local up
    ;;
  aws)
    echo "PetroStream cannot deploy to AWS yet: the Terraform definition, the guardrails and the cost check" >&2
    echo "are still to come. Nothing was created. Use ./project_up.sh to run the same lake on this machine." >&2
    exit 3
    ;;
  -h | --help)
    usage
    ;;
  *)
    echo "project_up.sh: unknown target '$1'" >&2
    usage >&2
    exit 2
    ;;
esac
