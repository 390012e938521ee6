# Every chore, the same on a laptop and in CI. Everything written lies below RAHNAMA_HOME (default: .rahnama).
SHELL := /bin/bash
.DEFAULT_GOAL := help
RAHNAMA_HOME ?= $(CURDIR)/.rahnama
override RAHNAMA_HOME := $(abspath $(RAHNAMA_HOME))
export RAHNAMA_HOME

VENV := $(RAHNAMA_HOME)/venv/bin
RUN := $(VENV)/python -m
# A Python 3.11 that really runs (a pyenv shim may stand there without one behind it).
FIND_PYTHON := for p in python3.11 python3; do "$$p" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	>/dev/null 2>&1 && echo "$$p" && exit; done

.PHONY: help venv demo up down reset recover rebuild refill dsn drills status token test test-long test-unit test-integration test-e2e faults \
	way asyncapi fuzz-api fuzz-events \
	bench bench-small soak overload mutants simulate figures observe-test screenshots images-offline compose-test check format lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: ## installs the pinned packages (every other target does it when needed)
	@python=$$($(FIND_PYTHON)); if [ -z "$$python" ]; then \
		echo "Python 3.11 is needed; neither python3.11 nor python3 is one." >&2; exit 1; fi; \
	"$$python" -I infra/local/venv.py

demo: venv ## starts everything, sends a cohort through, prints what happened, stops
	@exec $(RUN) infra.local demo

up: venv ## starts Kafka, Postgres and the three services; they stay up, data is kept (DEMO=1: loads the demo's cohort [REGISTRATIONS=500: its first ones])
	@exec $(RUN) infra.local up $(if $(filter 1,$(DEMO)),--demo) $(if $(REGISTRATIONS),--registrations "$(REGISTRATIONS)")

down: venv ## stops what make up started
	@exec $(RUN) infra.local down

reset: venv ## stops, asks, and wipes the data of make up (YES=1: does not ask)
	@exec $(RUN) infra.local reset $(if $(filter 1,$(YES)),--yes)

recover: venv ## after a restored backup: brings lost events back, asks first ([SERVICE=intake YES=1 CONFIRM_ERASURE="student/…"])
	@exec $(RUN) infra.local recover $(SERVICE) $(if $(filter 1,$(YES)),--yes) \
		$(foreach subject,$(CONFIRM_ERASURE),--confirm-erasure "$(subject)")

rebuild: venv ## tells lost read models again: SERVICE=intake or SERVICE=allocation
	@exec $(RUN) infra.local rebuild $(SERVICE)

refill: venv ## after a fork: empties a partition, for its relay to fill again: TOPIC=rahnama.intake PARTITION=6
	@exec $(RUN) infra.local refill "$(TOPIC)" "$(PARTITION)"

dsn: venv ## prints the DSN of a database's owner, for psql: SERVICE=intake
	@exec $(RUN) infra.local dsn "$(SERVICE)"

drills: venv ## loses and restores each database and Kafka [TABLE=1: report in docs]
	@exec $(RUN) tests.drills $(if $(filter 1,$(TABLE)),--table)

status: venv ## what runs, with memory and lag
	@exec $(RUN) infra.local status

token: venv ## prints a token: ROLE=operator [TENANT= CENTERS=1,2 SUB= HOURS=]
	@exec $(RUN) infra.local token "$(ROLE)" $(if $(TENANT),--tenant "$(TENANT)") \
		$(if $(CENTERS),--centers "$(CENTERS)") $(if $(SUB),--subject "$(SUB)") $(if $(HOURS),--hours "$(HOURS)")

# Some at a time, each with servers of its own: tests of servers wait more than they work.
WORKERS ?= 3

test: venv ## all tests, against real servers (ARGS= goes to pytest, WORKERS=1: one after the other)
	@exec $(RUN) pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not long" $(ARGS)

test-long: venv ## the tests that make test leaves out, because a shorter one is of the same kind
	@exec $(RUN) pytest -m long $(ARGS)

test-unit: venv ## the tests that need no server
	@exec $(RUN) pytest tests/unit tests/property tests/contract $(ARGS)

test-integration: venv ## against a real Kafka and Postgres
	@exec $(RUN) pytest tests/integration $(ARGS)

test-e2e: venv ## the whole system
	@exec $(RUN) pytest tests/e2e $(ARGS)

mutants: venv ## plants faults in the code, one at a time; each must be caught [ONLY=name or TABLE=1]
	@exec $(RUN) tests.mutants $(if $(ONLY),--only $(ONLY)) $(if $(TABLE),--table)

simulate: venv ## all three services in one process, with faults from a seed: SEEDS=2000 FIRST=1 [PROCESSES= TABLE=1]; a failing seed replays
	@exec $(RUN) tests.simulation --seeds "$(or $(SEEDS),2000)" --first "$(or $(FIRST),1)" \
		$(if $(PROCESSES),--processes "$(PROCESSES)") $(if $(filter 1,$(TABLE)),--table)

faults: venv ## breaks the running services on purpose: TRIALS=100 SEED=7 [FIRST=0 FAULT= TABLE=1]
	@exec $(RUN) tests.faults --trials "$(or $(TRIALS),100)" --seed "$(or $(SEED),7)" --first "$(or $(FIRST),0)" \
		$(if $(FAULT),--fault "$(FAULT)") $(if $(filter 1,$(TABLE)),--table)

way: venv ## the files and functions that one student enters in each service, in order; the counts as JSON
	@exec $(RUN) tests.way

asyncapi: venv ## writes docs/asyncapi.json, the AsyncAPI 3 document of every topic [CHECK=1: asks the AsyncAPI CLI, needs npx]
	@$(RUN) infra.asyncapi --write
	@if [ "$(CHECK)" = 1 ]; then npx --yes @asyncapi/cli@4.1.1 config analytics --disable >/dev/null && \
		npx --yes @asyncapi/cli@4.1.1 validate docs/asyncapi.json; fi

fuzz-events: venv ## mutated events against everything that reads an event: INPUTS=20000 SEED=7 [TABLE=1, REPLAY=file]
	@exec $(RUN) tests.fuzz.events --inputs "$(or $(INPUTS),20000)" --seed "$(or $(SEED),7)" \
		$(if $(REPLAY),--replay "$(REPLAY)") $(if $(filter 1,$(TABLE)),--table)

fuzz-api: venv ## what the OpenAPI documents allow, and what they do not, against running services: EXAMPLES=30 SEED=7 [SERVICE=intake]
	@exec $(RUN) tests.fuzz.api --examples "$(or $(EXAMPLES),30)" --seed "$(or $(SEED),7)" \
		$(if $(SERVICE),--service "$(SERVICE)")

observe-test: venv ## asks every query of the dashboards and alerts of a real Prometheus, and keeps its answers [SECONDS=60]
	@RAHNAMA_OBSERVE_SECONDS="$(or $(SECONDS),60)" exec $(RUN) pytest tests/tools/observe --timeout 3600 $(ARGS)

screenshots: venv ## the dashboards by Grafana's components, from what observe-test kept (needs node, npm, chromium) [TABLE=1: in docs]
	@exec $(RUN) tests.tools.observe.screenshots $(if $(filter 1,$(TABLE)),--table)

images-offline: venv ## builds every container image without a registry (needs an engine and mmdebstrap)
	@exec $(RUN) infra.images

compose-test: venv ## brings the containers up, restarts each under load, checks (IMAGES=registry: those Compose names)
	@RAHNAMA_CONTAINER_IMAGES="$(or $(IMAGES),offline)" exec $(RUN) pytest tests/containers --timeout 3600 -s $(ARGS)

bench: venv ## how fast and at what cost, whole in under 40 minutes: [ONLY=name TABLE=1]
	@exec $(RUN) tests.tools.bench $(if $(ONLY),--only $(ONLY)) $(if $(filter 1,$(TABLE)),--table)

bench-small: venv ## every benchmark at a tiny size, to see that it works: [ONLY=name]
	@exec $(RUN) tests.tools.bench --small $(if $(ONLY),--only $(ONLY))

soak: venv ## half of what the system carries, for MINUTES=20; plots in RAHNAMA_HOME/reports, with TABLE=1 in docs
	@exec $(RUN) tests.tools.bench.soak --minutes "$(or $(MINUTES),20)" $(if $(filter 1,$(TABLE)),--table)

overload: venv ## three times what it carries, for SECONDS=60: shed, nothing lost, back again [TABLE=1]
	@exec $(RUN) tests.tools.bench.overload --seconds "$(or $(SECONDS),60)" $(if $(filter 1,$(TABLE)),--table)

check: venv ## style, types and the architecture's rules
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@$(VENV)/lint-imports
	@$(RUN) tests.figures
	@$(RUN) tests.provenance
	@$(RUN) tests.report_pages

figures: venv ## writes the README's table of figures from docs/reports (make check compares it)
	@exec $(RUN) tests.figures --write

format: venv ## puts the code in shape
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

lock: ## pins requirements/*.in by hash (needs uv)
	@command -v uv >/dev/null || { echo "uv is needed to lock: pip install uv" >&2; exit 1; }
	uv pip compile --quiet --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
		requirements/*.in -o requirements/dev.txt
	uv pip compile --quiet --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
		-c requirements/dev.txt requirements/services.in -o requirements/run.txt
	uv pip compile --quiet --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
		-c requirements/dev.txt requirements/build.in -o requirements/build.txt
