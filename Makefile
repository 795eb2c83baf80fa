# `make help` lists what can be made.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CORES ?= all
STORE ?= sqlite:///results/mlflow/mlflow.db
# Of `make mlflow-server`. Its database is named by MLFLOW_BACKEND_STORE_URI in the environment alone.
MLFLOW_HOST ?= 127.0.0.1
MLFLOW_PORT ?= 5000
MLFLOW_ARTIFACTS ?= mlflow-artifacts
MLFLOW_OPTIONS ?=
SMK := Snakefile workflow

.DEFAULT_GOAL := help
.PHONY: help setup demo run report ui mlflow-server check test test-services container lint format docs lock bench clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv --clear $(VENV)
	@awk '/^[^ ]/ { keep = /^uv==/ } keep' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@echo "Installing the locked packages (about 6 GB with CUDA's libraries) …"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	@touch $@

setup: $(READY) ## make .venv from the lock

demo: $(READY) ## the whole study on scikit-learn's digits: no download, about two minutes
	$(BIN)/snakemake --cores $(CORES) --configfile config/digits.yaml
	@echo "The report: $(CURDIR)/results/digits/report.html"

run: $(READY) ## the article's study on Fashion-MNIST
	$(BIN)/snakemake --cores $(CORES)
	@echo "The report: $(CURDIR)/results/fashion-mnist/report.html"

report: $(READY) ## Snakemake's own report of the article's study, with every figure and table
	$(BIN)/snakemake --report results/fashion-mnist/snakemake-report.zip

ui: $(READY) ## the MLflow UI at http://127.0.0.1:5000
	$(BIN)/mlflow server --backend-store-uri $(STORE) --host 127.0.0.1 --port 5000

mlflow-server: $(READY) ## a team's tracking server on PostgreSQL (docs/tracking-server.md)
	@PYTHONPATH=workflow $(BIN)/python -m mlplab.cli server --host $(MLFLOW_HOST) --port $(MLFLOW_PORT) --artifacts $(MLFLOW_ARTIFACTS) -- $(MLFLOW_OPTIONS)

check: $(READY) ## check one file: make check IMPLEMENTATION=path/to/my_network.py (or ACTIVATION=…)
	@PYTHONPATH=workflow $(BIN)/python -m mlplab.cli check $(or $(IMPLEMENTATION),$(ACTIVATION),$(error name a file: make check IMPLEMENTATION=path/to/my_network.py))

container: ## mlplab.sif, the image of `snakemake --sdm apptainer` (docs/containers.md)
	apptainer build mlplab.sif apptainer.def

test: $(READY) ## every test but those with daemons of their own
	$(BIN)/python -m pytest -m "not services"

test-services: $(READY) ## tests on a real Slurm, PostgreSQL and MLflow server (Debian, as root)
	bash .ci/packages
	$(BIN)/python -m pytest -m services -s tests/services

lint: $(READY) ## style, types and Snakemake's own checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check $(SMK)
	$(BIN)/mypy
	$(BIN)/snakemake --lint

format: $(READY) ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt $(SMK)

docs: $(READY) ## write config/README.md from the schema
	PYTHONPATH=workflow $(BIN)/python -m mlplab.cli docs > config/README.md

lock: $(READY) ## pin the dependencies of pyproject.toml anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra dev --extra server pyproject.toml -o requirements.lock

bench: $(READY) ## every benchmark, into docs/benchmarks.md (half an hour); PARTS="epoch study" for some
	PYTHONPATH=workflow $(BIN)/python -m benchmarks $(PARTS)

clean: ## remove all results
	find results -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -r {} +
	rm -rf .snakemake
