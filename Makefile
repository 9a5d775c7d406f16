# Every recipe is one line; what it does is Python in tools/. `make help` lists them.
SHELL := /bin/sh
PYTHON := .venv/bin/python
unexport PYTHONDONTWRITEBYTECODE # without bytecode every start compiles everything again
.DEFAULT_GOAL := help
.PHONY: help installed demo test up down status seed check logs trace bench new-service docs

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

installed: # Debian packages, uv and the locked Python packages; quick when they are there
	@python3 -m tools.install

demo: up ## Play a clinic's day through the gateway and leave the platform running (DEMO_JSON=report.json)
	@$(PYTHON) -m tools.demo

test: installed ## Run every test on parts of its own (ONLY=scheduling: the stages whose name has it; CONTAINERS=1: on Docker images of the parts)
	@$(PYTHON) -m tools.testing $(ONLY)

up: installed ## Start the platform (FOREGROUND=1 stays; GATEWAY_PORT, SANDBOX_PORT, RUN_DIR, MONGODB_URL, REDIS_URL, AMQP_URL, S3_ENDPOINT_URL)
	@$(PYTHON) -m tools.platform up $(if $(FOREGROUND),--foreground)

down: installed ## Stop the platform; no process is left
	@$(PYTHON) -m tools.platform down

status: installed ## Show what runs, where, and what happened
	@$(PYTHON) -m tools.platform status

seed: up ## Create the demo clinic, or another one beside it (CLINIC="Second Clinic")
	@$(PYTHON) -m tools.seed $(if $(CLINIC),--clinic "$(CLINIC)")

check: installed ## Check style (ruff), types (mypy --strict) and who may import whom (import-linter)
	@$(PYTHON) -m tools.check

logs: installed ## Follow the logs of a service and its worker (S=scheduling), or of everything
	@$(PYTHON) -m tools.platform logs $(S)

trace: installed ## Show one request's way through gateway, services, queue and consumers (R=<request id>, or the latest)
	@$(PYTHON) -m tools.trace --dir "$(or $(RUN_DIR),.run)/spans" $(or $(R),--last)

bench: installed ## Measure the goals of docs/performance.md
	@$(PYTHON) -m bench

new-service: installed ## Scaffold the rooms of a new service (NAME=pharmacy)
	@$(PYTHON) -m tools.scaffold $(NAME)

docs: installed ## Generate docs/events.md and the AsyncAPI document from the event catalog
	@$(PYTHON) -m tools.docs
