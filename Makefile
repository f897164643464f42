# `make` alone lists what there is.

PYTHON ?= python3
TORCH ?=
UNIT ?=
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip
INSTALLED := $(VENV)/.installed

export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help env lab doctor test test-slow test-image build book verify bench package lock binder clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=python3.12 chooses the interpreter, TORCH=cpu the CPU build of torch, UNIT=01 a unit."

# Compiled once here and not by every kernel anew, which is what happens where PYTHONDONTWRITEBYTECODE is set.
INSTALL := $(UV) install --python $(BIN)/python --compile-bytecode

env: $(INSTALLED)  ## make the environment in .venv, with everything that course and tests need

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tlkit needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1); try make env PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
ifeq ($(TORCH),)
	$(INSTALL) --requirements requirements.lock
else
	$(INSTALL) --torch-backend=$(TORCH) --constraints requirements.lock --editable '.[lab,test]'
endif
	$(UV) install --python $(BIN)/python --no-deps --editable .
	@touch $@

lab: env  ## open the course in JupyterLab; UNIT=01 opens that unit
	@$(BIN)/tlkit lab $(UNIT)

doctor: env  ## say whether everything is in order, and what to do about what is not
	@$(BIN)/tlkit doctor

test: env  ## the tests that every change must pass
	$(BIN)/tlkit build --check
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not image"

test-slow: env  ## the rest of the tests, with those of test-image
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "slow or image"

test-image: env  ## of these alone: build what binder/ describes, and run every unit in it with 1 CPU, 2 GB and no network
	$(BIN)/python -m pytest -m image

build: env  ## turn solutions/ into course/; UNIT=01 builds that unit
	$(BIN)/tlkit build $(UNIT)

book: env  ## make the course as a web book in build/book: every unit run, without answers
	@$(BIN)/python -m book

verify: env  ## examine the graders with answers of which it is known what they deserve
	$(BIN)/tlkit verify

bench: env  ## measure, and write the figures to benchmarks/results
	@set -e; for file in benchmarks/[a-z]*.py; do \
	  test -e "$$file" || continue; \
	  echo "$$file"; $(BIN)/python -m "benchmarks.$$(basename "$$file" .py)"; done

package: env  ## make sdist and wheel in dist/
	$(BIN)/python -m build --no-isolation

lock: env  ## choose the newest versions that pyproject.toml allows, and write them to requirements.lock
	$(UV) compile pyproject.toml --all-extras --universal --python-version 3.11 --no-emit-index-url --no-header \
	  --no-annotate --upgrade --output-file requirements.lock
	@$(MAKE) --no-print-directory binder

binder: env  ## write binder/requirements.txt from requirements.lock: what the course needs, with the CPU build of torch
	@$(UV) compile pyproject.toml --quiet --extra lab --constraints requirements.lock --python-version 3.11.9 \
	  --python-platform x86_64-manylinux_2_28 --no-emit-index-url --no-header --no-annotate --output-file binder/.resolved >/dev/null
	@{ echo "# Written by \`make binder\` from requirements.lock."; \
	  echo "--extra-index-url https://download.pytorch.org/whl/cpu"; \
	  grep -vE '^(cuda|nvidia|triton)' binder/.resolved | sed -E 's/^(torch|torchvision)==.*/&+cpu/'; \
	} > binder/requirements.txt
	@rm binder/.resolved

clean:  ## remove the environment, caches and packages; your work and the gradebook stay
	rm -rf $(VENV) dist build .pytest_cache .hypothesis
	find tlkit tests benchmarks solutions -name __pycache__ -type d -prune -exec rm -rf {} +
