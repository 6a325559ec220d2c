# Every target first sets up what it needs, inside this folder; `make` alone lists them.

# Handed to the local stack through the environment, as are SCOPES, EXPIRES_IN, PROVIDER, CLAIMS
# and EVENT where they are given.
run token invoke audit ctl: export PORT ?= 3000
run: export STORE ?= moto
token: export ACCOUNT ?= acct_demo
invoke: export FUNCTION ?= GetBillingFunction

# Which stage of samconfig.toml `make deploy` deploys, and more arguments for it, pytest or billingctl.
STAGE ?= dev
ARGS ?=
# Other figures for `make day`.
DAY ?=
# How long `make fuzz` runs, and how to repeat a run.
CASES ?= 200
SEED ?= 1

PYTHON := .venv/bin/python
# What running the stack takes, and what it takes to work on it: the second holds all of the first.
RUN := .venv/.ready-to-run
SETUP := .venv/.ready
CTL := .venv/bin/billingctl
SETUP_SAM := .venv-sam/.ready
SETUP_CHECKOV := .venv-checkov/.ready
SETUP_DOCS := .venv-docs/.ready

.DEFAULT_GOAL := help
.PHONY: help setup run token invoke audit ctl test upgrade-test simulate mutants bench day fuzz lint api audit-deps openapi stripe-key screenshots schemas mails docs \
  docs-serve format build deploy smoke lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

run: $(RUN) $(CTL) ## Run the local stack (PORT=3000, STORE=moto or dynamodb-local, DEMO=no without demo accounts, LOG=json)
	@if [ "$$STORE" = dynamodb-local ]; then scripts/fetch_dynamodb_local; fi
	@exec $(PYTHON) -m local run

token: $(RUN) ## Print a token for the running stack (ACCOUNT=acct_demo SCOPES="..." EXPIRES_IN=seconds PROVIDER=auth0 CLAIMS={...})
	@exec $(PYTHON) -m local token

invoke: $(RUN) ## Run one function against the running stack (FUNCTION=GetBillingFunction EVENT=events/...)
	@exec $(PYTHON) -m local invoke

audit: $(RUN) ## Audit the running stack's ledger (ACCOUNT=...)
	@exec $(PYTHON) -m local audit

ctl: $(RUN) $(CTL) ## Look at and mend what a stack holds (ARGS="account show acct_demo"; also .venv/bin/billingctl)
	@exec $(CTL) $(ARGS)

test: $(SETUP) ## Run the tests (ARGS="-k words" goes to pytest, WORKERS=0 runs them in one process)
	@exec scripts/run_tests $(ARGS)

upgrade-test: $(SETUP) ## Run this code on the tables that older releases left (part of `make test`)
	@exec scripts/run_tests tests/upgrade

simulate: export SEED ?=
simulate: export STEPS ?= 1000
simulate: export FLOW ?=
simulate: export GAIN ?=
simulate: export SEEDS ?=
simulate: export WORKERS ?=
simulate: $(SETUP) ## Break every call of every flow, then run at random (SEED=... STEPS=1000 FLOW=words or none WORKERS=cores)
	@exec scripts/simulate

bench: $(SETUP) ## Measure what each operation costs, beside its budget and others; writes docs/performance.md
	@scripts/bench

day: $(SETUP) ## Play the day of a large platform, time compressed, and check the books (DAY="--accounts 1000 --calls 20000 --seed 1")
	@scripts/fetch_dynamodb_local
	@AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true \
	  POWERTOOLS_LOG_LEVEL=CRITICAL PYTHONPATH=.:layers/common:clients/python $(PYTHON) -m tests.benchmarks.day $(DAY)

mutants: export ONLY ?=
mutants: $(SETUP) ## Take one safeguard at a time out of a copy, and see that a test notices (ONLY=words WORKERS=2)
	@scripts/fetch_dynamodb_local
	@PYTHONPATH=. exec $(PYTHON) scripts/mutants.py

fuzz: $(SETUP) ## Send thousands of random requests to a stack of its own (CASES=200 a route, SEED=1)
	@mkdir -p .local
	@PYTHONPATH=.:layers/common $(PYTHON) scripts/fuzz.py --cases $(CASES) --seed $(SEED) 2>.local/fuzz.log

lint: $(SETUP) $(SETUP_CHECKOV) ## Check style, types, the template and the workflows
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/bandit --quiet --recursive --severity-level medium layers functions local clients billingctl
	.venv/bin/cfn-lint template.yaml
	.venv-checkov/bin/checkov --config-file .checkov.yaml -f template.yaml --quiet --compact
	scripts/lint_workflows

api: .venv-api/.ready ## Lint docs/openapi.json, and read it by two generators of clients
	@scripts/check_api

audit-deps: $(SETUP) ## Ask for known vulnerabilities of what is locked (needs the network)
	@$(PYTHON) scripts/audit_deps.py

openapi: $(SETUP) ## Write docs/openapi.json anew from the code
	@PYTHONPATH=layers/common $(PYTHON) -m local.openapi

stripe-key: $(SETUP) ## Write docs/stripe-key.md, what a restricted key may do, anew from the code
	@$(PYTHON) scripts/stripe_permissions.py

screenshots: $(SETUP) ## Take the pictures in docs/images anew (needs Chromium)
	@PYTHONPATH=.:layers/common $(PYTHON) scripts/screenshots.py

schemas: $(SETUP) ## Write the schemas of the domain events, docs/events/, anew from the code
	@PYTHONPATH=layers/common $(PYTHON) -m local.event_schemas

mails: $(SETUP) ## Write the previews of the mails, docs/mail.md and docs/mail/, anew from the templates
	@PYTHONPATH=layers/common $(PYTHON) -m local.mail.previews

docs: $(SETUP_DOCS) ## Build the documentation site into .local/site; a broken link fails
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict

docs-serve: $(SETUP_DOCS) ## Serve the documentation on http://127.0.0.1:8000 and rebuild it on changes
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs serve

format: $(SETUP) ## Put the code into shape
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

build: $(SETUP) $(SETUP_SAM) ## Build the functions and the layer for Lambda
	scripts/sam validate --lint
	scripts/sam build
	$(PYTHON) scripts/check_build.py
	$(PYTHON) scripts/attest_build.py

deploy: build ## Deploy a stage of samconfig.toml (STAGE=dev)
	$(PYTHON) scripts/stamp_release.py $(STAGE)
	scripts/sam deploy --config-env $(STAGE) $(ARGS)

smoke: $(SETUP) ## See that a running stack serves what was published (BASE=http://127.0.0.1:3000 TOKEN=... BACK=...)
	@$(PYTHON) scripts/smoke.py

setup: $(SETUP) $(CTL) ## Make .venv with everything pinned (the other targets do it by themselves)

lock: $(SETUP) ## Write the hashed requirements anew from the .in files
	@scripts/lock

clean: ## Remove what was built and set up
	rm -rf .venv .venv-sam .venv-api .venv-checkov .venv-docs .venv-bench .venv*.lock .aws-sam .local .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(RUN): requirements-run.txt
	@scripts/setup_venv .venv .ready-to-run requirements-run.txt

$(SETUP): requirements-dev.txt $(RUN)
	@scripts/setup_venv .venv .ready requirements-dev.txt --add

# A link, and no package to install: what runs is what stands in this folder.
$(CTL): | $(RUN)
	@ln -sf ../../scripts/billingctl $@

.venv-api/.ready: requirements-api.txt
	@scripts/setup_venv .venv-api .ready requirements-api.txt

$(SETUP_SAM): requirements-sam.txt
	@scripts/setup_venv .venv-sam .ready requirements-sam.txt

$(SETUP_CHECKOV): requirements-checkov.txt
	@scripts/setup_venv .venv-checkov .ready requirements-checkov.txt

$(SETUP_DOCS): requirements-docs.txt
	@scripts/setup_venv .venv-docs .ready requirements-docs.txt
