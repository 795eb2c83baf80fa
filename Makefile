# `make help` lists what can be made.
PYTHON ?= python3
BIN := .venv/bin
CORES ?= all
STUDY ?= fashion-mnist
# Of `make ui`. Without a STUDY of its own it opens the last one; STORE names another store.
PORT ?= 5000
STORE ?=
# Of `make mlflow-server`. Its database is named by MLFLOW_BACKEND_STORE_URI in the environment alone.
MLFLOW_HOST ?= 127.0.0.1
MLFLOW_PORT ?= 5000
MLFLOW_ARTIFACTS ?= mlflow-artifacts
MLFLOW_OPTIONS ?=
# Of `make grade`, such as --hint 1 --points points.yaml.
GRADE_OPTIONS ?=
SMK := Snakefile workflow
VALIDATORS := .ci/.validators

# A linked .venv may hold another checkout's library: this one's comes first.
ifneq ($(shell test -L .venv && echo linked),)
export PYTHONPATH := $(CURDIR)/workflow$(if $(PYTHONPATH),:$(PYTHONPATH))
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo run report ui mlflow-server check grade test test-fast test-services validators container lint format docs lock bench faults clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv from the lock; nothing is done where it is made
	@exec "$(PYTHON)" .ci/environment.py
	@$(if $(filter setup,$(MAKECMDGOALS)),echo ".venv is ready")

demo: setup ## the whole study on scikit-learn's digits: no download, about two minutes
	$(BIN)/snakemake --cores "$(CORES)" --configfile config/digits.yaml

run: setup ## the article's study on Fashion-MNIST
	$(BIN)/snakemake --cores "$(CORES)"

report: setup ## Snakemake's own report of a finished study: make report STUDY=digits
	@test -e "results/$(STUDY)/published.json" || { \
		echo "results/$(STUDY)/ holds no finished study: run it first, or name another: make report STUDY=…" >&2; exit 1; }
	$(BIN)/snakemake --configfile "results/$(STUDY)/config.yaml" --report "results/$(STUDY)/snakemake-report.zip"
	@echo "Unpack results/$(STUDY)/snakemake-report.zip and open report.html in it."

ui: setup ## MLflow on this machine, opened on a study's best runs: make ui STUDY=digits
	@exec $(BIN)/mlplab ui $(if $(filter file,$(origin STUDY)),,"$(STUDY)") --port "$(PORT)" $(if $(STORE),--store "$(STORE)")

mlflow-server: setup ## a team's tracking server on PostgreSQL (docs/tracking-server.md)
	@$(BIN)/mlplab server --host "$(MLFLOW_HOST)" --port "$(MLFLOW_PORT)" --artifacts "$(MLFLOW_ARTIFACTS)" -- $(MLFLOW_OPTIONS)

check: setup ## check one file: make check IMPLEMENTATION=path/to/my_network.py (or ACTIVATION=…)
	@$(BIN)/mlplab check "$(or $(IMPLEMENTATION),$(ACTIVATION),$(error name a file: make check IMPLEMENTATION=path/to/my_network.py))"

grade: setup ## check all that a class has handed in: make grade FOLDER=path/to/submissions (docs/teaching.md)
	@$(BIN)/mlplab grade "$(or $(FOLDER),$(error name a folder: make grade FOLDER=path/to/submissions))" $(GRADE_OPTIONS)

validators: setup $(VALIDATORS)/.ready ## what checks crates, in an environment of its own

$(VALIDATORS)/.ready: .ci/validators.lock | setup
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VALIDATORS)
	$(BIN)/uv pip install --quiet --no-deps --require-hashes --python $(VALIDATORS)/bin/python -r $<
	@touch $@

container: ## mlplab.sif, the image of `snakemake --sdm apptainer` (docs/containers.md)
	apptainer build mlplab.sif apptainer.def

test: setup ## every test but those with daemons of their own
	$(BIN)/python -m pytest -m "not services"

test-fast: setup ## the inner loop: unit tests that are not slow, on all cores
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --durations 5 --durations-min 1.5 \
		-m "not slow and not services and not browser"

test-services: validators ## tests on a real Slurm, PostgreSQL and MLflow server (Debian, as root)
	bash .ci/packages
	$(BIN)/python -m pytest -m services -s tests/services

lint: setup ## style, types and Snakemake's own checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check $(SMK)
	$(BIN)/mypy
	$(BIN)/snakemake --lint

format: setup ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt $(SMK)

docs: setup ## write config/README.md, config/schema.json and docs/mistakes.md from what is declared
	$(BIN)/mlplab docs > config/README.md.new
	mv config/README.md.new config/README.md
	$(BIN)/mlplab schema > config/schema.json.new
	mv config/schema.json.new config/schema.json
	$(BIN)/mlplab mistakes docs/mistakes.md

lock: setup ## pin the dependencies of pyproject.toml anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra dev --extra server pyproject.toml -o requirements.lock
	echo 'jsonschema>=4' | $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --override - .ci/validators.in -o .ci/validators.lock

bench: setup ## every benchmark, into docs/benchmarks.md (half an hour); PARTS="epoch study" for some
	$(BIN)/python -m benchmarks $(PARTS)

faults: setup ## what may happen to a study, made to happen, into docs/faults.md (Linux, as root; 20 minutes)
	$(BIN)/python -m benchmarks.faults

clean: ## remove all results
	find results -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -r {} +
	rm -rf .snakemake
