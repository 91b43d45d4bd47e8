# PetroStream. `make help` lists the targets; each sets up what it needs.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python
# A command line variable reaches pip only through the constraints file: one place pins every version.
PIP := $(RUN) -m pip install --progress-bar off --disable-pip-version-check --constraint constraints.txt
PROGRESS := $(RUN) toolchain/install_progress.py

DATA ?=
MODELS ?= build/models
SPEED ?= max
Q ?=

.PHONY: help setup setup-dev up down demo gold dashboard grafana powerbi powerbi-check service data simulate train benchmark evaluate replay cdc quality retrain sql backfill package cost scale bench compare \
        plan lock deploy smoke rollback destroy receipt \
        test test-unit test-deep test-infra test-e2e test-images image-tools chaos soak fuzz scan lint format clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "PetroStream needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Creating the environment $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.setup: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing what the lake needs (about a minute) ..."
	@$(PIP) --editable '.[ml,local,service,dashboard,cdc,scale]' | $(PROGRESS)
	@touch $@

$(VENV)/.setup-dev: $(VENV)/.setup
	@echo "Installing what tests and linters need ..."
	@$(PIP) --editable '.[dev]' | $(PROGRESS)
	@touch $@

setup: $(VENV)/.setup ## Install what running PetroStream needs
setup-dev: $(VENV)/.setup-dev ## Install what tests and linters need as well

up: setup ## Switch the local lake on
	@./project_up.sh local

down: ## Switch the local lake off (data stays)
	@./project_down.sh local

demo: setup ## From nothing to SQL: up, data, train, replay, report (DATA=dir for real 3W files, CONSUMER=service)
	@$(RUN) -m local.demo $(if $(DATA),--data "$(DATA)") $(if $(CONSUMER),--consumer $(CONSUMER))

dashboard: setup ## Show the fleet of the local lake in the browser (PORT=8501)
	@$(RUN) -m ops.dashboard $(if $(PORT),--port $(PORT))

grafana: setup ## Write the Grafana dashboard of dashboard/grafana from the settings and the views
	@$(RUN) -m tools.grafana

TMDL := .venv-tmdl

$(TMDL)/.setup: tools/powerbi/microsoft.txt | $(BIN)/python
	@echo "Installing Microsoft's library for semantic models (under Microsoft's licence) ..."
	@$(PYTHON) -m venv $(TMDL)
	@$(TMDL)/bin/python -m pip install --disable-pip-version-check --requirement $< > $(TMDL)/install.log || { tail $(TMDL)/install.log; exit 1; }
	@touch $@

powerbi-check: setup-dev $(TMDL)/.setup ## Read the Power BI model with Microsoft's own libraries (x86-64 Linux)
	@PETROSTREAM_TMDL=required $(RUN) -m pytest tests/unit/tools/powerbi

powerbi: setup ## Write the Power BI project of dashboard/powerbi from the views and the schema
	@$(RUN) -m tools.powerbi

screenshots: setup-dev ## Write the README's screenshots of the dashboard, from the running local lake
	@$(RUN) -m tools.screenshots

service: setup ## Score with the service in place of the function, with its HTTP API (PORT=8080)
	@$(RUN) -m local service $(if $(PORT),--port $(PORT))

data: setup ## Download the real 3W dataset into data/3w (1.7 GB, resumable)
	@$(RUN) -m ml.download --out data/3w

simulate: setup ## Simulate 3W-format instances into data/simulated
	@$(RUN) -m ml.simulate --out data/simulated

train: setup ## Train on DATA (default data/simulated) into build/models
	@$(RUN) -m ml.train --data "$(or $(DATA),data/simulated)" --out "$(MODELS)"

benchmark: setup ## Run the published 3W benchmark on DATA (build/benchmark.json)
	@$(RUN) -m ml.benchmark --data "$(or $(DATA),data/3w)" --json build/benchmark.json

evaluate: setup ## Stream DATA through the serving code (build/evaluation.json, .html)
	@$(RUN) -m ml.streaming_eval --data "$(or $(DATA),data/3w)" --json build/evaluation.json --html build/evaluation.html

replay: setup ## Replay DATA (default data/simulated) at SPEED 1, 60 or max
	@$(RUN) producer/replay.py --data "$(or $(DATA),data/simulated)" --speed "$(SPEED)"

cdc: setup ## Poll a table of a historian into the stream: make cdc MAP=historian.toml [ONCE=1]
	@test -n "$(MAP)" || { echo 'Say which table: make cdc MAP=historian.toml (docs/guides/historian.md)' >&2; exit 2; }
	@$(RUN) -m producer.cdc --map "$(MAP)" $(if $(ONCE),--once)

quality: setup ## Report on the quality of days: make quality DATE=2026-11-20 | FROM=… TO=… [AWS=1]
	@$(RUN) -m batch quality $(foreach option,date from to,$(call given,$(option))) $(if $(AWS),--aws)

retrain: setup ## New baselines from the lake, live if not worse: make retrain [WELL=… HELD_BACK=dir FROM=… TO=… DRY_RUN=1 AWS=1]
	@$(RUN) -m batch retrain $(foreach option,from to well held-back,$(call given,$(option))) $(if $(DRY_RUN),--dry-run) $(if $(AWS),--aws)

sql: setup ## Run Athena SQL: make sql Q="SELECT * FROM well_data WHERE anomaly_flag = 1"
	@test -n "$$Q" || { echo 'Say what to ask: make sql Q="SELECT well_id, AVG(pressure) FROM well_data GROUP BY well_id"' >&2; exit 2; }
	@$(RUN) -m local sql "$$Q"

gold: setup ## Write past days to gold, of the local lake: make gold [DATE=2026-11-20 FROM=… TO=… REBUILD=1]
	@$(RUN) -m batch compact $(foreach option,date from to,$(call given,$(option))) $(if $(REBUILD),--rebuild)

package: setup ## Build the function packages for AWS (arm64, no Docker)
	@$(RUN) -m toolchain.package --target aws

backfill: setup ## Score past days again: make backfill FROM=2026-11-01 TO=2026-11-20 MODEL=version [PROMOTE=1 AWS=1]
	@test -n "$(FROM)" || { echo 'Say which days: make backfill FROM=2026-11-01 TO=2026-11-20 MODEL=version' >&2; exit 2; }
	@$(RUN) -m batch backfill --from "$(FROM)" --to "$(or $(TO),$(FROM))" $(if $(MODEL),--model "$(MODEL)") \
	  $(if $(PROMOTE),--promote) $(if $(AWS),--aws)

# An option of the cost model is the variable of its name in capitals: --block-seconds is BLOCK_SECONDS.
variable = $($(shell printf %s '$(1)' | tr 'a-z-' 'A-Z_'))
given = $(if $(call variable,$(1)),--$(1) "$(call variable,$(1))")

cost: setup ## Estimate a month on AWS: make cost [WELLS=10 HZ=1 HOURS=24 FACILITIES=4 MONTHS=1 FARGATE=1 JSON=1]
	@$(RUN) -m cost $(foreach option,wells hz hours facilities block-seconds months queries,$(call given,$(option))) \
	  $(foreach switch,fargate customer-key enhanced-fan-out free-tier json check,$(if $(call variable,$(switch)),--$(switch)))

scale: setup ## Measure, and model a thousand to a million readings a second (build/scale): make scale [FULL=1]
	@$(RUN) bench/scale.py $(if $(FULL),--full) --json build/scale/measured.json
	@$(RUN) -m scale --measured build/scale/measured.json --out build/scale

PLATFORMS := linux_amd64 linux_arm64 darwin_amd64 darwin_arm64

# Where the lake goes is the environment's: AWS_PROFILE or AWS_ROLE_ARN, AWS_REGION.
IAC ?= terraform
deploy_options = --iac $(IAC) $(if $(NO_GUARDRAILS),--no-guardrails) $(if $(SERVICES),--services)
yes = $(if $(YES),--yes)

plan: setup ## Say what a deployment to AWS would change and cost: make plan [IAC=terraform|cdk NO_GUARDRAILS=1 SERVICES=1]
	@$(RUN) -m deploy plan $(deploy_options)

deploy: setup ## Deploy to AWS, publish the model, smoke-test: make deploy [IAC=… PLAN=digest YES=1 NO_GUARDRAILS=1 SERVICES=1]
	@$(RUN) -m deploy up $(deploy_options) $(yes) $(if $(PLAN),--plan "$(PLAN)")

lock: ## Check the provider in Terraform's lock file on every platform against its registry
	@terraform -chdir=infra/terraform providers lock $(PLATFORMS:%=-platform=%)

smoke: setup ## Send a hundred readings through the deployed lake, and find them by SQL
	@$(RUN) -m deploy smoke

rollback: setup ## Give the functions on AWS the last other code that passed the smoke test [UNTESTED=1]
	@$(RUN) -m deploy rollback $(if $(UNTESTED),--untested)

destroy: setup ## Remove the lake from AWS: make destroy [YES=1 KEEP_DATA=1 NO_GUARDRAILS=1]
	@$(RUN) -m deploy down $(yes) $(if $(KEEP_DATA),--keep-data) $(if $(NO_GUARDRAILS),--no-guardrails)

receipt: setup ## Say what of the lake is in the AWS account, and what it costs
	@$(RUN) -m deploy receipt

bench: setup ## Measure the scoring path; figures go to build/bench-scoring.json
	@$(RUN) bench/scoring.py --json build/bench-scoring.json

# A file's tests stay in one process: they share what is slow to make (tests/support/schedule.py).
SIDE_BY_SIDE := --numprocesses 2 --dist loadfile
# Lakes mostly wait.
LAKES := --numprocesses 3 --dist loadfile

# What two suites print is not mixed: a person sees whole lines, a log has one suite after the other.
TOGETHER := $(if $(filter output-sync,$(.FEATURES)),--output-sync=$(if $(MAKE_TERMOUT),line,target))

# Some container images set it: every command of a lake and every process of a suite would compile the project.
test test-unit test-deep test-infra test-e2e chaos fuzz: export PYTHONDONTWRITEBYTECODE :=

# Two suites at a time: where Terraform and the lakes wait, the unit tests compute. Suites that wait come first.
test: setup-dev ## Run every test but what make test-deep repeats, two suites at a time
	@$(MAKE) --no-print-directory --jobs 2 --keep-going $(TOGETHER) test-infra test-e2e test-unit

# Each with as much of fuzzing and of faults as there is time for.
UNIT := tests/unit tests/contract tests/fuzz tests/chaos tests/soak

test-unit: setup-dev ## Run the unit tests, contracts, some fuzzing and faults: EXPLORE=1 draws new examples
	@$(RUN) -m pytest $(UNIT) $(SIDE_BY_SIDE)

test-deep: setup-dev ## What a night has time for: every form and kill, new examples, all faults, an hour of fuzzing
	@EXPLORE=1 $(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory chaos TWIN=1
	@$(MAKE) --no-print-directory fuzz

fuzz: setup-dev ## Fuzz for an hour: make fuzz [INPUTS=1000000 SECONDS=3600 SEED=n FIRST=n]
	@$(RUN) -m tests.fuzz --inputs "$(or $(INPUTS),1000000)" --seconds "$(or $(SECONDS),3600)" \
	  $(if $(SEED),--seed "$(SEED)") $(if $(FIRST),--first "$(FIRST)")

chaos: setup-dev ## Fail calls, processes and clocks on purpose, and reckon: make chaos [SEED=20 PAIRS=100 TWIN=1 DATA=folder RESUME=1]
	@$(RUN) -m tests.chaos --out build/chaos --pairs "$(or $(PAIRS),100)" --seed "$(or $(SEED),20)" \
	  $(if $(TWIN),--on both) $(if $(DATA),--data "$(DATA)") $(if $(RESUME),--resume)

soak: setup-dev ## Send readings to a twin of its own for an hour, and see what grows [SECONDS=3600 RATE=1000 WELLS=42]
	@$(RUN) -m tests.soak --out build/soak --seconds "$(or $(SECONDS),3600)" --rate "$(or $(RATE),1000)" \
	  --wells "$(or $(WELLS),42)"

test-infra: setup-dev ## Run the infrastructure tests, all but the scanners (make scan)
	@$(RUN) -m pytest tests/infra --ignore tests/infra/test_scan.py $(SIDE_BY_SIDE)

test-e2e: setup-dev ## Run the end-to-end tests on the local twin [CONSUMER=service]
	@$(if $(CONSUMER),CONSUMER="$(CONSUMER)") $(RUN) -m pytest tests/e2e $(LAKES)

# Root: debootstrap makes the base of the images, and a file system of theirs is entered by chroot.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

image-tools: ## Install what test-images needs (Debian, Ubuntu)
	@$(SUDO) apt-get update --quiet=2
	@$(SUDO) apt-get install --yes --no-install-recommends buildah debootstrap debian-archive-keyring

test-images: setup-dev ## Build every image for real, without Docker, and run it as nobody
	@$(SUDO) env BUILD_IMAGES=required $(RUN) -m pytest tests/infra/test_images.py

# checkov pins a boto3 of 2024: the scanners have an environment of their own.
SCAN := .venv-scan

$(SCAN)/.setup: tools/scanners.txt | $(BIN)/python
	@echo "Installing the scanners (about a minute) ..."
	@$(PYTHON) -m venv $(SCAN)
	@$(SCAN)/bin/python -m pip install --disable-pip-version-check --requirement $< > $(SCAN)/install.log || { tail $(SCAN)/install.log; exit 1; }
	@touch $@

scan: setup-dev $(SCAN)/.setup ## Scan workflows, definitions and policies: zizmor, checkov, parliament, policy_sentry
	@PETROSTREAM_SCAN=required $(RUN) -m pytest tests/infra/test_scan.py

# What PetroStream is compared with brings a Kafka client and a dataflow engine: an environment of their own.
COMPARE := .venv-compare

$(COMPARE)/.setup: tools/compare.txt | $(BIN)/python
	@echo "Installing the libraries to compare with (about two minutes) ..."
	@$(PYTHON) -m venv $(COMPARE)
	@$(COMPARE)/bin/python -m pip install --disable-pip-version-check --requirement $< > $(COMPARE)/install.log || { tail $(COMPARE)/install.log; exit 1; }
	@touch $@

compare: setup $(COMPARE)/.setup ## Compare a reading's cost with scikit-learn, skl2onnx, Quix Streams, Bytewax and River
	@$(RUN) bench/compare.py --json build/bench-compare.json

lint: setup-dev ## Check style, types, imports, structure, spelling, shell scripts, workflows, SQL and docs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(RUN) -m tools.check_structure
	@git ls-files -z | xargs -0 -r $(BIN)/codespell
	@git ls-files '*.sh' '.ci/run' | xargs -r $(BIN)/shellcheck
	@if compgen -G '.github/workflows/*.yml' > /dev/null; then $(RUN) -m tools.lint_workflows; fi
	@$(RUN) -m tools.sql_lint
	@$(RUN) -m tools.check_docs

format: setup-dev ## Format the Python code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## Remove what was built (not the lake's data: that is ./project_down.sh --purge)
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis

export Q
