# One command a job; `make help` lists them. Each sets up what it needs first, and again only when the locks change.

VENV := .venv
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
UV := $(BIN)/uv
SERVERS := $(PYTHON) -m tests.servers run --
# What one round of tests leaves for the counts at the end.
RESULTS := var/test-results
# On two cores: tests of real processes wait for much of their time, so a third process runs tests meanwhile.
PYTEST := $(PYTHON) -m pytest -q --dist worksteal
ROW ?=

# Plugins' modules are rewritten at each start of pytest, 5 s of it, unless Python may keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-fast check check-code chaos mutants bench servers lock clean

help: ## List these commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.base ## Run the whole service with no server at all, and play one merchant's story.
	@$(PYTHON) manage.py migrate --verbosity 0
	@$(PYTHON) manage.py demo

test: $(VENV)/.dev ## Run every test: the fast ones on SQLite, then all on real servers.
	@rm -rf $(RESULTS) && mkdir -p $(RESULTS)
	@code=0; \
	$(NO_SERVERS) $(PYTEST) -n 2 -m "not servers and not slow" --junitxml=$(RESULTS)/sqlite.xml || code=1; \
	$(SERVERS) $(PYTEST) -n 3 --junitxml=$(RESULTS)/postgresql.xml || code=1; \
	$(PYTHON) -m tests.counts $(RESULTS)/*.xml; exit $$code

test-fast: $(VENV)/.dev ## Run the tests that need no server, on SQLite, in a minute.
	@$(NO_SERVERS) $(PYTEST) -n 2 -m "not servers and not slow"

check: $(VENV)/.dev ## Check style, types, import rules, migrations and published schemas; leaves the tree as it was.
	@before="$$($(TREE))"; $(MAKE) --no-print-directory check-code || exit 1; \
	if [ "$$before" != "$$($(TREE))" ]; then git status --short; echo "make check: the checks changed the tree"; exit 1; fi

check-code:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	APP_ENV=test DATABASE_URL=sqlite://:memory: $(PYTHON) manage.py makemigrations --check --dry-run
	APP_ENV=test DATABASE_URL=sqlite://:memory: $(PYTHON) manage.py promises

chaos: $(VENV)/.dev ## Break everything round the running service for MINUTES=10; SEED=n again; BROKER=redis; FAULT=name alone.
	@$(PYTHON) -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) \
	    $(if $(BROKER),--broker $(BROKER)) $(if $(FAULT),--fault "$(FAULT)")

mutants: $(VENV)/.dev ## Break copies of the code, and see the named test notice each; ONLY=name for one.
	@$(PYTHON) -m tests.mutants $(ONLY)

bench: $(VENV)/.dev .venv-bench/.ready ## Measure on private servers; ROW=n for one row alone, SCALE=0.2 TURNS=1 for a quick look.
	@APP_ENV=test $(PYTHON) -m bench $(if $(ROW),--row $(ROW)) $(if $(SCALE),--scale $(SCALE)) $(if $(TURNS),--turns $(TURNS))

servers: $(VENV)/.dev ## Start private servers, print their variables, keep them until Ctrl-C.
	@$(PYTHON) -m tests.servers start

lock: $(VENV)/.dev ## Compile requirements/*.txt anew from *.in; UPGRADE=--upgrade takes newer releases.
	for set in base dev bench; do $(UV) pip compile --quiet --generate-hashes --python-version 3.11 --universal \
	    --no-emit-index-url --no-emit-find-links $(UPGRADE) requirements/$$set.in -o requirements/$$set.txt || exit 1; done

clean: ## Remove the virtual environment, caches, and the embedded databases.
	rm -rf $(VENV) .venv-bench var client/build client/src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Everything that a clean tree and a dirty one differ in; nothing where this is no git checkout.
TREE := git status --porcelain 2>/dev/null; git diff 2>/dev/null
NO_SERVERS := env -u TEST_DATABASE_URL -u TEST_RABBITMQ_URL -u TEST_RABBITMQ_MANAGEMENT_URL -u TEST_REDIS_URL

# The virtual environment. uv takes a fifth of pip's time; where only pip has been told where packages are, pip does it.
# `run` needs no developer's tools, and leaves them where they are.

$(PYTHON):
	@for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	    $$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    exec $$python -m venv $(VENV); \
	done; echo "credit-service needs Python 3.11 or newer with venv (Debian: apt-get install python3 python3-venv)"; exit 1

$(UV): | $(PYTHON)
	@awk '/^[^ ]/ {wanted = /^uv==/} wanted' requirements/dev.txt > $(VENV)/uv.txt
	@$(PYTHON) -m pip install --quiet --no-deps --require-hashes -r $(VENV)/uv.txt

PIP_INSTALL := $(PYTHON) -m pip install --quiet --no-deps --no-compile --require-hashes
UV_INSTALL := $(UV) pip install --quiet --python $(PYTHON) --require-hashes
UV_SYNC := $(UV) pip sync --quiet --python $(PYTHON) --require-hashes

$(VENV)/.base: requirements/base.txt | $(UV)
	@$(UV_INSTALL) -r $< || $(PIP_INSTALL) -r $<
	@touch $@

$(VENV)/.dev: requirements/dev.txt requirements/base.txt | $(UV)
	@$(UV_SYNC) $< || $(PIP_INSTALL) -r $<
	@touch $(VENV)/.base $@

# The references' packages are kept apart: what is measured is the service on its own locked packages.
.venv-bench/.ready: requirements/bench.txt | $(UV)
	@$(PYTHON) -m venv --clear .venv-bench
	@$(UV) pip sync --quiet --python .venv-bench/bin/python --require-hashes $< \
	    || .venv-bench/bin/python -m pip install --quiet --no-deps --no-compile --require-hashes -r $<
	@touch $@
