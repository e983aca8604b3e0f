# One door to everything. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export STEWARD_DATA_DIR ?= $(CURDIR)/var

.DEFAULT_GOAL := help
.PHONY: help run install drill test test-fast chaos properties check fix lock sbom docs bench clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.runtime ## Run everything on http://127.0.0.1:8000 (HOST, PORT, STEWARD_DATA_DIR, DEMO=0)
	@exec $(BIN)/python -m config.supervise

install: $(VENV)/.runtime ## Install what the service needs into .venv, hash-checked

test: $(VENV)/.dev ## Run the whole test suite (installs what it needs on Debian as root)
	@dev/test.sh

test-fast: $(VENV)/.dev ## Run the tests without the browser and the long ones
	@dev/test.sh -m 'not e2e and not slow'

chaos: $(VENV)/.dev ## Fail every dependency in every way, under load (half an hour, by itself)
	@dev/chaos.sh

drill: $(VENV)/.dev ## Back up, restore and upgrade under load, at the size of an organization, with figures
	@dev/drill.sh

properties: $(VENV)/.dev ## Try 300 sequences of up to 50 acts against a model, on both databases
	@. dev/services.sh; ensure_postgresql; for database in sqlite postgresql; do \
	  STEWARD_TEST_DATABASE=$$database STEWARD_PROPERTY_EXAMPLES=$${EXAMPLES:-300} STEWARD_PROPERTY_STEPS=50 \
	  $(BIN)/python -m pytest -q -s tests/properties/test_domain.py || exit 1; done

check: $(VENV)/.dev ## Lint, types, import rules, migrations, deployment settings, generated docs
	@dev/check.sh

fix: $(VENV)/.dev ## Mend what the linter can
	$(BIN)/ruff check --fix .

lock: $(VENV)/.dev ## Lock the requirements with hashes
	$(BIN)/uv pip compile -q --generate-hashes --universal --no-emit-index-url --no-header pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --generate-hashes --universal --no-emit-index-url --no-header --group dev pyproject.toml -c requirements.txt -o requirements-dev.txt
	$(BIN)/uv pip compile -q --generate-hashes --universal --no-emit-index-url --no-header tests/conformance/suites/requirements-canaille.in -o tests/conformance/suites/requirements-canaille.txt

sbom: $(VENV)/.dev ## Write the bill of materials of the runtime lock to build/sbom.json
	$(BIN)/python dev/lock.py sbom build/sbom.json

docs: $(VENV)/.dev ## Write the generated references in docs/
	$(BIN)/python manage.py write_docs
	$(BIN)/python dev/lock.py licences

bench: $(VENV)/.dev ## Run the benchmarks (needs PostgreSQL, Redis and wrk)
	$(BIN)/python -m bench

clean: ## Remove what was built; the data in var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Steward needs Python 3.11 or newer: PYTHON=python3.12 make run"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	@echo "Installing Steward into $(VENV) …"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/bin/python
	@echo "Installing Steward and its development tools into $(VENV) …"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime
