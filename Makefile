# Every target sets up what it needs first, inside this folder; `make` alone lists them.

PORT ?= 3000
STORE ?= moto
ACCOUNT ?= acct_demo
SCOPES ?=
EXPIRES_IN ?=
FUNCTION ?= GetBillingFunction
EVENT ?=
STAGE ?= dev
export PORT STORE ACCOUNT SCOPES EXPIRES_IN FUNCTION EVENT

PYTHON := .venv/bin/python
SETUP := .venv/.ready
SAM := .venv-sam/bin/sam

.DEFAULT_GOAL := help
.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile

.PHONY: setup
setup: $(SETUP) ## Make .venv with everything pinned (each other target does it too)

$(SETUP): requirements-dev.txt
	@scripts/setup_venv .venv requirements-dev.txt
