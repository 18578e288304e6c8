# All commands; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run reset demo logs token rotate-key withdraw-key replay-hits replay-events redrive list-suppressions smoke test check unit store stack browser bench verdict soak package deploy destroy clean

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PORT ?= 4566
INBOX_PORT ?= 8025
SMTP_PORT ?= 1025
STAGE ?= prod
NAME ?= operator
TESTS ?=
REPORTS := build/tests

# Where it is set, every process of a floor compiles the whole tree anew (measured: 2 s for each worker's collection).
unexport PYTHONDONTWRITEBYTECODE

help:  ## list every command
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Ports, each on 127.0.0.1 alone: make run PORT=$(PORT) INBOX_PORT=$(INBOX_PORT) SMTP_PORT=$(SMTP_PORT)"
	@echo "  Another Python: make setup PYTHON=python3.12"
	@echo "  Only some tests: make unit TESTS='tests/unit/content -k links'"

setup: $(READY)  ## create the virtual environment, once

$(READY): requirements.txt requirements-dev.txt
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) is not installed. Install Python 3.11 or newer, or name yours: make setup PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old. Install Python 3.11 or newer, or name yours: make setup PYTHON=..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "No virtual environment could be made; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Installing what requirements-dev.txt pins into .venv"
	@# Chalice insists on a pip before 26.3.
	@$(BIN)/python -m pip install --quiet 'pip<26.3' --requirement requirements-dev.txt
	@touch $@

run: setup  ## run the whole stack on this machine until Ctrl-C
	@$(BIN)/python -m local.run --port $(PORT) --inbox-port $(INBOX_PORT) --smtp-port $(SMTP_PORT)

reset: setup  ## delete the local stack's leads, campaigns, mails and token
	@$(BIN)/python -m local.reset

demo: setup  ## send the draft on the running stack, simulate its recipients, show the numbers and what a rule did
	@$(BIN)/python -m local.demo

logs: setup  ## follow the logs of the running stack (FUNCTION=Track for one function)
	@$(BIN)/python -m local.logs $(FUNCTION)

token: setup  ## create an API token: NAME=... (TABLE=... on AWS)
	@$(BIN)/python -m local.token --name $(NAME) $(if $(TABLE),--table $(TABLE))

rotate-key: setup  ## add a signing key and make it current (SECRET=... on AWS)
	@$(BIN)/python -m local.rotate_key $(if $(SECRET),--secret $(SECRET))

withdraw-key: setup  ## withdraw a leaked signing key: NUMBER=... (SECRET=... on AWS); links in its mails stop working
	@$(BIN)/python -m local.rotate_key --withdraw $(or $(NUMBER),$(error Say which key: make withdraw-key NUMBER=...)) $(if $(SECRET),--secret $(SECRET))

list-suppressions: setup  ## show suppressions of earlier releases on the list (TABLE=... on AWS)
	@$(BIN)/python -m local.list_suppressions $(if $(TABLE),--table $(TABLE))

replay-hits: setup  ## count hits that only a log has: LOG=file, folder or - (STACK=... on AWS)
	@$(BIN)/python -m local.replay_hits --log $(or $(LOG),$(error Name the log: make replay-hits LOG=...)) $(if $(STACK),--stack $(STACK))

replay-events: setup  ## publish a campaign's events again: CAMPAIGN=... (STACK=... on AWS)
	@$(BIN)/python -m local.replay_events --campaign $(or $(CAMPAIGN),$(error Name the campaign: make replay-events CAMPAIGN=cmp_...)) $(if $(STACK),--stack $(STACK))

redrive: setup  ## move dead letters back to their queue: QUEUE=CandidatesDeadLetters (STACK=... on AWS)
	@$(BIN)/python -m local.redrive --queue $(or $(QUEUE),$(error Name the queue: make redrive QUEUE=...)) $(if $(STACK),--stack $(STACK))

smoke: setup  ## try out the running stack, or one on AWS with STACK=... FROM=news@your.domain (mails to SES's simulator)
	@$(BIN)/python -m local.smoke $(if $(STACK),--stack $(STACK)) $(if $(FROM),--from-email $(FROM))

test: check unit store stack browser  ## check and test everything; tests without their tools are skipped and listed
	@$(BIN)/python -m tests.skipped $(REPORTS)/*.xml

check: setup  ## linters (Python, JavaScript), types, import rules, cfn-lint on both forms of the template, IAM policies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/oxlint chalicelib/web/static
	$(BIN)/python -m pytest -q tests/unit/test_architecture.py
	$(BIN)/python -m local.lint

unit: setup  ## tests that need no engine
	$(BIN)/python -m pytest -q --junitxml=$(REPORTS)/unit.xml -n 2 $(or $(TESTS),tests/unit)

store: setup  ## tests of the tables, on ministack and on Amazon's DynamoDB Local
	$(BIN)/python -m pytest -q --junitxml=$(REPORTS)/store.xml -n 2 $(or $(TESTS),tests/store)

stack: setup  ## tests of a whole stack deployed on this machine
	$(BIN)/python -m pytest -q --junitxml=$(REPORTS)/stack.xml -n 2 --dist loadfile --no-loadscope-reorder $(or $(TESTS),tests/stack)

browser: setup  ## tests in a real browser
	$(BIN)/python -m pytest -q --junitxml=$(REPORTS)/browser.xml -n 2 --dist loadfile --no-loadscope-reorder $(or $(TESTS),tests/browser)

bench: setup  ## measure cold starts, hits, rendering and sending; writes bench/results.json
	@$(BIN)/python -m bench --results bench/results.json

verdict: setup  ## measure on simulated recipients how often persons and machines are told apart; writes docs/VERDICT.md
	@$(BIN)/python -m bench.verdict

soak: setup  ## slow tests with many more examples
	$(BIN)/python -m pytest -q -m soak tests

package: setup  ## build what is deployed into build/package: sam.yaml and deployment.zip (ARCHITECTURE=arm64 or x86_64)
	@$(BIN)/python -m local.package build/package $(ARCHITECTURE)
	@ls -l build/package

deploy: setup  ## deploy to AWS: make deploy BUCKET=... STAGE=prod PARAMETERS='AlarmEmail=... TrackingDomain=...'
	@test -n "$(BUCKET)" || { echo "Name an S3 bucket of yours in the same region: make deploy BUCKET=..."; exit 1; }
	@$(BIN)/python -m local.deploy --stack $(or $(STACK),leadflip-campaigns-$(STAGE)) --bucket $(BUCKET) $(addprefix --parameter ,$(PARAMETERS)) $(addprefix --kept ,$(KEPT))

destroy: setup  ## delete a stack on AWS but keep its tables and signing keys: make destroy STAGE=prod (DATA=delete: these too)
	@$(BIN)/python -m local.destroy --stack $(or $(STACK),leadflip-campaigns-$(STAGE)) --data $(or $(DATA),keep)

clean:  ## delete everything that was built or downloaded, and the local stack's state
	rm -rf .venv .local build .chalice/deployments .mypy_cache .ruff_cache .pytest_cache .hypothesis node_modules
