# Everything here sets itself up: a virtual environment in .venv, from locked and hashed packages.
# No system package is installed and nothing is written outside this folder.

SHELL := /bin/sh
PYTHON ?= python3
VENV ?= .venv
ARGS ?=

PY := $(VENV)/bin/python
# A virtual environment does not survive a move, so the stamps belong to this very place.
PLACE := $(shell pwd | cksum | cut -d' ' -f1)
RUNTIME := $(VENV)/.runtime-$(PLACE)
TOOLS := $(VENV)/.tools-$(PLACE)
PEERS := $(VENV)/.peers-$(PLACE)
OPTIONAL := $(VENV)/.optional-$(PLACE)
LOCK := "$(PY)" -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"
EXTRAS := fixtures guards pii secrets vault protobuf models onnx transformers bedrock tune classifiers ci redis server
# What tests skip where it is missing, and CI installs.
TESTED := fixtures pii secrets models onnx tune classifiers redis

unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.DEFAULT_GOAL := help
.PHONY: help run test check lint floors generated fuzz bench scale peers optional evaluate golden lock clean
.DELETE_ON_ERROR:

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

run: $(RUNTIME) ## Check, test and use the starter bundles on recorded requests and a git change
	@"$(PY)" corpus/run.py $(ARGS)

test: $(TOOLS) ## Run all tests (ARGS="-k words" for some of them)
	@"$(PY)" -m pytest -n auto --durations=10 $(ARGS)

check: lint floors generated test ## What CI does: lint, types, import floors, generated files, tests

lint: $(TOOLS)
	@"$(PY)" -m ruff check .
	@"$(PY)" -m ruff format --check .
	@"$(PY)" -m mypy

floors: $(TOOLS)
	@"$(PY)" -m pytest -q tests/test_floors.py tests/test_imports.py

generated: $(TOOLS)
	@"$(PY)" docs/generate.py --check

fuzz: $(TOOLS) ## Random CEL against a second engine (ARGS="--seconds 60 --seed 1")
	@"$(PY)" tests/fuzz/fuzz.py $(ARGS)

peers: $(PEERS)

optional: $(OPTIONAL) ## Install what is optional, so that no test of it is skipped

bench: $(PEERS) ## Measure beside Python by hand and other engines (ARGS="--only rules --quick")
	@"$(PY)" benchmarks/run.py $(ARGS)

scale: $(PEERS) ## Simulate 1,000 gateways over leases; renews docs/scale.md (ARGS=--quick)
	@"$(PY)" benchmarks/scale/simulate.py $(ARGS)

evaluate: $(OPTIONAL) ## Measure how well the guards find (ARGS="topics"); renews docs/evaluation
	@"$(PY)" classifiers/evaluate.py $(ARGS)

golden: $(TOOLS) ## Renew the goldens of the tests and the generated documentation
	@"$(PY)" -m pytest -q -n auto --golden
	@"$(PY)" docs/generate.py

lock: $(TOOLS) ## Renew requirements/*.txt (ARGS=--upgrade for newer versions)
	@$(LOCK) $(ARGS) pyproject.toml -o requirements/core.txt
	@$(LOCK) $(ARGS) pyproject.toml --extra dev -c requirements/core.txt -o requirements/dev.txt
	@echo 'hatchling>=1.27' | \
		$(LOCK) $(ARGS) - -c requirements/dev.txt -o requirements/build.txt
	@$(LOCK) $(ARGS) pyproject.toml --extra bench -c requirements/dev.txt \
		-o requirements/lock-bench.txt
	@$(LOCK) $(ARGS) pyproject.toml $(TESTED:%=--extra %) -c requirements/lock-bench.txt \
		-o requirements/lock-optional.txt
	@for extra in $(EXTRAS); do \
		$(LOCK) $(ARGS) pyproject.toml --extra $$extra -c requirements/core.txt \
			-o requirements/lock-$$extra.txt || exit 1; \
	done

clean: ## Remove the virtual environment, caches and build results
	rm -rf .venv .cache build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Installing: with uv where it is there, else with pip; both refuse what has no locked hash.
install = if command -v uv >/dev/null 2>&1; \
	then uv pip install --quiet --python "$(PY)" --require-hashes $(1); \
	else "$(PY)" -m pip install --quiet --require-hashes $(1); fi

$(RUNTIME): requirements/core.txt requirements/build.txt pyproject.toml
	@python=; for name in "$(PYTHON)" python3.13 python3.12 python3.11; do \
		if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "policyengine needs Python 3.11 or later, and found none on the PATH:" >&2; \
		"$(PYTHON)" --version >&2; \
		echo "Name one with: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$python" --version) ..." >&2; \
	if command -v uv >/dev/null 2>&1; \
	then uv venv --quiet --clear --python "$$python" "$(VENV)"; \
	else "$$python" -m venv --clear "$(VENV)"; fi
	@$(call install,-r requirements/core.txt -r requirements/build.txt)
	@if command -v uv >/dev/null 2>&1; \
	then uv pip install --quiet --python "$(PY)" --no-deps --no-build-isolation --editable .; \
	else "$(PY)" -m pip install --quiet --no-deps --no-build-isolation --editable .; fi
	@touch "$@"

$(TOOLS): $(RUNTIME) requirements/dev.txt
	@echo "Installing the tools for tests and checks ..." >&2
	@$(call install,-r requirements/dev.txt)
	@touch "$@"

$(PEERS): $(TOOLS) requirements/lock-bench.txt
	@echo "Installing the engines to compare with ..." >&2
	@$(call install,-r requirements/lock-bench.txt)
	@touch "$@"

$(OPTIONAL): $(TOOLS) requirements/lock-optional.txt
	@echo "Installing what is optional ..." >&2
	@$(call install,-r requirements/lock-optional.txt)
	@touch "$@"
