# Every task of the project. Needs Python 3.11+, make and a package index; the rest is set up here.
PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
STUBS   := gen/.stamp
PROTOS  := $(shell find protos -name '*.proto')
WORKERS ?= 2
# Groups and their order are those of tests/conftest.py.
SHARED  := -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo up down test soak lint format protos bench audit lock clean

help:  ## list the tasks
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-8s %s\n", $$1, $$2}'

# --- environment: a virtual environment from the hashed locks, stubs from the protos ---

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime.stamp: locks/runtime.txt locks/prices.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --quiet --disable-pip-version-check --require-hashes -r locks/runtime.txt
	$(BIN)/pip install --quiet --quiet --disable-pip-version-check --require-hashes --no-deps -r locks/prices.txt
	$(BIN)/pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: locks/dev.txt $(VENV)/runtime.stamp
	$(BIN)/pip install --quiet --quiet --disable-pip-version-check --require-hashes -r locks/dev.txt
	@touch $@

$(STUBS): $(PROTOS) protos/generate.py $(VENV)/runtime.stamp
	$(BIN)/python protos/generate.py
	@touch $@

protos: $(STUBS)  ## generate stubs, type stubs and the descriptor set into gen/

# --- run ---

demo: $(STUBS)  ## start everything, load three portfolios of real prices, print the risk report
	$(BIN)/plimsoll demo

up: $(STUBS)  ## start everything and stay up until Ctrl-C
	$(BIN)/plimsoll up

down: $(STUBS)  ## stop a stack that `make up` or `make demo` started
	$(BIN)/plimsoll down

# --- check ---

test: $(STUBS) $(VENV)/dev.stamp  ## every test that needs no outside server
	$(BIN)/pytest $(SHARED) --cov --cov-report=term:skip-covered --cov-fail-under=95

soak: $(STUBS) $(VENV)/dev.stamp  ## the full sweeps that `make test` samples
	PLIMSOLL_SOAK=1 $(BIN)/pytest $(SHARED)

lint: $(STUBS) $(VENV)/dev.stamp  ## ruff, mypy, import-linter, buf
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd protos && PATH="$(abspath $(BIN)):$$PATH" ../$(BIN)/python check.py

format: $(VENV)/dev.stamp  ## format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(STUBS) $(VENV)/dev.stamp  ## measure speed; tables here, JSON in benchmarks/results/latest/
	$(BIN)/python -m benchmarks

audit: $(VENV)/dev.stamp  ## known vulnerabilities of what is locked, and a bill of materials
	$(BIN)/pip-audit --disable-pip --requirement locks/runtime.txt
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements locks/runtime.txt --output-file dist/sbom.json

lock: $(VENV)/dev.stamp  ## resolve the locks again from pyproject.toml
	$(BIN)/python locks/resolve.py

clean:
	rm -rf $(VENV) gen
