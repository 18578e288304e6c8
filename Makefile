# Everything one can do here; `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run reset demo logs token rotate-key withdraw-key replay-hits replay-events redrive smoke test check unit store stack browser bench soak package deploy destroy clean

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

help:  ## list every command
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Ports, each on 127.0.0.1 alone: make run PORT=$(PORT) INBOX_PORT=$(INBOX_PORT) SMTP_PORT=$(SMTP_PORT)"
	@echo "  Another Python: make setup PYTHON=python3.12"
	@echo "  Only some tests: make unit TESTS='tests/unit/content -k links'"

setup: $(READY)  ## make the virtual environment, once

$(READY): requirements.txt requirements-dev.txt
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) is not installed. Install Python 3.11 or newer, or name yours: make setup PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old. Install Python 3.11 or newer, or name yours: make setup PYTHON=..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "No virtual environment could be made; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Installing what requirements-dev.txt pins into .venv"
	@# Chalice insists on a pip before 26.3.
	@$(BIN)/python -m pip install --quiet 'pip<26.3' --requirement requirements-dev.txt
	@touch $@

run: setup  ## run the whole stack on this machine, until Ctrl-C
	@$(BIN)/python -m local.run --port $(PORT) --inbox-port $(INBOX_PORT) --smtp-port $(SMTP_PORT)

reset: setup  ## forget the local stack's leads, campaigns, mails and token
	@$(BIN)/python -m local.reset

demo: setup  ## send the draft campaign on the running stack, play its recipients, show the numbers and whom a rule moved
	@$(BIN)/python -m local.demo

logs: setup  ## follow the functions' logs of the running stack (FUNCTION=Track for one)
	@$(BIN)/python -m local.logs $(FUNCTION)

token: setup  ## make an API token for the running stack, or with TABLE=... for one on AWS (NAME=whose)
	@$(BIN)/python -m local.token --name $(NAME) $(if $(TABLE),--table $(TABLE))

rotate-key: setup  ## add a signing key and make it current, or with SECRET=... that of a key ring on AWS
	@$(BIN)/python -m local.rotate_key $(if $(SECRET),--secret $(SECRET))

withdraw-key: setup  ## withdraw a leaked signing key: NUMBER=... (SECRET=... on AWS); its mails stop working
	@$(BIN)/python -m local.rotate_key --withdraw $(or $(NUMBER),$(error Say which key: make withdraw-key NUMBER=...)) $(if $(SECRET),--secret $(SECRET))

replay-hits: setup  ## count the hits that only a log has kept: LOG=file, folder or - (STACK=... on AWS)
	@$(BIN)/python -m local.replay_hits --log $(or $(LOG),$(error Name the log: make replay-hits LOG=...)) $(if $(STACK),--stack $(STACK))

replay-events: setup  ## publish a campaign's events once more: CAMPAIGN=... (STACK=... on AWS)
	@$(BIN)/python -m local.replay_events --campaign $(or $(CAMPAIGN),$(error Name the campaign: make replay-events CAMPAIGN=cmp_...)) $(if $(STACK),--stack $(STACK))

redrive: setup  ## put dead letters back on their queue: QUEUE=CandidatesDeadLetters (STACK=... on AWS)
	@$(BIN)/python -m local.redrive --queue $(or $(QUEUE),$(error Name the queue: make redrive QUEUE=...)) $(if $(STACK),--stack $(STACK))

smoke: setup  ## try the running stack, or with STACK=... FROM=news@your.domain one on AWS: mails to SES's simulator
	@$(BIN)/python -m local.smoke $(if $(STACK),--stack $(STACK)) $(if $(FROM),--from-email $(FROM))

test: check unit store stack browser  ## check and test everything; what the machine lacks is skipped, and said
	@$(BIN)/python -m tests.skipped $(REPORTS)/*.xml

check: setup  ## what a reviewer would say: ruff, mypy, oxlint, import rules, cfn-lint on both forms of the template
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/oxlint chalicelib/web/static
	$(BIN)/python -m pytest -q tests/unit/test_architecture.py
	$(BIN)/python -m local.lint

unit: setup  ## the tests that need no engine
	$(BIN)/python -m pytest -q --junitxml=$(REPORTS)/unit.xml -n 2 $(or $(TESTS),tests/unit)

store: setup  ## the tests of the tables, on ministack and on Amazon's DynamoDB Local
	$(BIN)/python -m pytest -q --junitxml=$(REPORTS)/store.xml -n 2 $(or $(TESTS),tests/store)

stack: setup  ## the tests of a whole deployed stack on this machine
	$(BIN)/python -m pytest -q --junitxml=$(REPORTS)/stack.xml -n 2 --dist loadfile $(or $(TESTS),tests/stack)

browser: setup  ## the tests in a real browser
	$(BIN)/python -m pytest -q --junitxml=$(REPORTS)/browser.xml -n 2 --dist loadfile $(or $(TESTS),tests/browser)

bench: setup  ## measure cold starts, hits, rendering and sending; bench/results.json has the numbers
	@$(BIN)/python -m bench --results bench/results.json

soak: setup  ## the slow proofs
	$(BIN)/python -m pytest -q -m soak tests

package: setup  ## build build/package with sam.yaml and deployment.zip, as AWS gets them (ARCHITECTURE=arm64 or x86_64)
	@$(BIN)/python -m local.package build/package $(ARCHITECTURE)
	@ls -l build/package

deploy: setup  ## deploy to AWS: make deploy BUCKET=... STAGE=prod PARAMETERS='AlarmEmail=... TrackingDomain=...'
	@test -n "$(BUCKET)" || { echo "Name an S3 bucket of yours in the same region: make deploy BUCKET=..."; exit 1; }
	@$(BIN)/python -m local.deploy --stack $(or $(STACK),leadflip-campaigns-$(STAGE)) --bucket $(BUCKET) $(addprefix --parameter ,$(PARAMETERS)) $(addprefix --kept ,$(KEPT))

destroy: setup  ## delete a stack on AWS, but not its tables and signing keys: make destroy STAGE=prod (DATA=delete: these too)
	@$(BIN)/python -m local.destroy --stack $(or $(STACK),leadflip-campaigns-$(STAGE)) --data $(or $(DATA),keep)

clean:  ## remove everything that was built or downloaded; the local stack's state too
	rm -rf .venv .local build .chalice/deployments .mypy_cache .ruff_cache .pytest_cache .hypothesis node_modules
