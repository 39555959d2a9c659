PYTHON ?= python3
TESTERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
CLICSEQUR := $(BIN)/python -m deploy.local

.DEFAULT_GOAL := help

##@ Try it
demo: $(VENV)/local.stamp ## Start everything, play an applicant's whole story, leave the suite running
	@$(BIN)/python -m deploy.demo
up: $(VENV)/local.stamp ## Start the suite; returns when every service is ready and fresh
	@$(CLICSEQUR) up
status: $(VENV)/local.stamp ## Show processes, memory, lag, parked events, freshness
	@$(CLICSEQUR) status
logs: $(VENV)/local.stamp ## Show the logs of the services
	@$(CLICSEQUR) logs
down: $(VENV)/local.stamp ## Stop the suite; its state stays in .local/
	@$(CLICSEQUR) down
reset: $(VENV)/local.stamp ## Stop the suite and forget its state; downloads are kept
	@$(CLICSEQUR) reset

##@ Work on it
test: $(VENV)/dev.stamp ## Run every test on servers of its own, TESTERS=2 at a time, also beside a running demo
	@$(BIN)/python -m pytest -n $(TESTERS) --dist worksteal
check: lint types contracts test ## Everything that CI runs
lint: $(VENV)/dev.stamp ## Format and lint, changing nothing
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .
types: $(VENV)/dev.stamp ## Strict type check
	@$(BIN)/mypy
contracts: $(VENV)/dev.stamp ## Which folder may import which
	@$(BIN)/lint-imports
format: $(VENV)/dev.stamp ## Format and mend what the linter can
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .
docs: $(VENV)/dev.stamp ## Write the generated pages of docs/ anew
	@$(BIN)/python -m tests.generated
bench: $(VENV)/dev.stamp ## Measure; ONLY=name,… chooses
	@$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY))
lock: $(VENV)/dev.stamp ## Pin the requirements anew
	@$(BIN)/python -m pip install --quiet uv
	@cd requirements && for set in dev local runtime; do \
	  ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --no-emit-find-links $$set.in -o $$set.txt \
	    $$(test $$set = dev || echo -c dev.txt); done

help: ## Show this
	@awk 'BEGIN {FS = ":.*## "} /^##@ /{printf "\n%s\n", substr($$0, 5)} /^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# pip's own version check and progress would only distract from ours.
$(VENV)/local.stamp: requirements/local.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name one with PYTHON=…")'
	@echo "Installing what the suite needs into $(VENV)/ (a minute the first time) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/local.txt
	@touch $@
$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/local.stamp
	@echo "Installing what tests and checks need …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

.PHONY: demo up status logs down reset test check lint types contracts format docs bench lock help
