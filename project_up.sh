#!/usr/bin/env bash
# Switches PetroStream on: on this machine (the default) or in an AWS account.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'TEXT'
Usage: ./project_up.sh [local]
       ./project_up.sh aws [--iac terraform|cdk] [--yes] [--email ADDRESS] [--github OWNER/NAME] [--services] …

  local   the whole lake on this machine, on an embedded AWS emulator (default)
  aws     the lake in your AWS account: shows what will be created and what a month costs, then asks

  --iac       the definition to deploy (default: terraform)
  --yes       do not ask
  --email     where alarms and budget alerts go; remembered for the next run
  --services  build and push the images of the services that the settings ask for, and run them
  --github    the repository whose pipeline may deploy, without keys; remembered
  ./project_up.sh aws --help lists every option.

A second run is quick and keeps the data; after a failure half-way it goes on. ./project_down.sh [aws] switches off.
TEXT
}

python="${VENV:-.venv}/bin/python"

case "${1:-local}" in
  local)
    make --no-print-directory setup
    exec "$python" -m local up
    ;;
  aws)
    shift
    make --no-print-directory setup
    exec "$python" -m deploy up "$@"
    ;;
  -h | --help)
    usage
    ;;
  --version)
    sed -n 's/^version = "\(.*\)"$/PetroStream \1/p' pyproject.toml
    ;;
  *)
    echo "project_up.sh: unknown target '$1'" >&2
    usage >&2
    exit 2
    ;;
esac
