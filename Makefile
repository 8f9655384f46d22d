# `make run` and `make test` do all of their own set-up.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV = UV_HTTP_TIMEOUT=300 $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python
PIP = $(BIN)/python -m pip install --quiet

.DEFAULT_GOAL := help
.PHONY: help run test test-operations lint format ui deploy worker stop bench lock audit clean

help:  ## show this
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

# who has a remote has data of their own: drawing the demo in its place would put data.dvc wrong
DATA = test -d data || if [ -n "$$($(BIN)/dvc remote list)" ]; then $(BIN)/dvc pull data.dvc; else $(BIN)/facegender demo; fi

run: $(READY)  ## retrain: data to model, report and submission (draws the demo data if data/ is missing)
	@$(DATA)
	$(BIN)/python -m flows.retrain

test: $(READY) lint  ## check style, types and imports, then run every test
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --max-worker-restart 0

test-operations: $(READY)  ## real servers, workers, remotes and a database: schedules, cancels, experiments, recovery
	$(BIN)/python -m pytest tests/operations

lint: $(READY)  ## check style, types and imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## bring the code into form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

ui: $(READY)  ## the Prefect UI with every run of this checkout, at http://127.0.0.1:4200
	$(BIN)/python -m flows.server run

deploy: $(READY)  ## start the Prefect server, or find it; create the work pool and the deployments of prefect.yaml
	@$(DATA)
	$(BIN)/python -m flows.server start
	$(BIN)/python -m tasks prefect --no-prompt work-pool create --type process --overwrite local
	$(BIN)/python -m tasks prefect --no-prompt deploy --all
	$(BIN)/python -m flows.automations
	@echo "Deployed. Runs wait for a worker: make worker, in a terminal of its own."

worker: $(READY)  ## serve the deployments, until interrupted
	$(BIN)/python -m flows.server start
	$(BIN)/python -m tasks prefect worker start --pool local

stop: $(READY)  ## stop the server that `make deploy` or `make worker` has started
	$(BIN)/python -m flows.server stop

# the peers' packages in a venv of their own, which sees the project's behind them
bench: $(READY)  ## measure against peers; write docs/benchmarks.md, docs/decoding.md (WEIGHTS=file.weights.h5; hours; goes on where cut off)
	@test -x $(VENV)/bench/bin/python || { $(BIN)/python -m venv $(VENV)/bench && \
	  $(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > $$($(VENV)/bench/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/zz_project.pth; }
	$(VENV)/bench/bin/python -m pip install --quiet -r benchmarks/requirements.txt
	$(BIN)/python -m benchmarks validate score orchestration train memory write \
	  --weights $(or $(WEIGHTS),none) --bench-python $(VENV)/bench/bin/python
	$(VENV)/bench/bin/python -m benchmarks.decoding

lock: $(READY)  ## pin the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --upgrade --quiet --output-file requirements.lock

audit: $(READY)  ## ask the public advisories about every package of the lock; wants the internet
	$(BIN)/uv tool run pip-audit --require-hashes --disable-pip --requirement requirements.lock

clean:  ## remove what can be had again: .venv and tools' caches; data/, artifacts/ and recorded runs stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist

# uv comes first, out of the same hashed lock, because it installs the rest several times quicker than pip; where it cannot
# run, pip does the same. Like pip it is to compile what it installs: where Python may not (PYTHONDONTWRITEBYTECODE, as in
# many containers), every process would compile TensorFlow and Prefect anew. The project itself is built by the lock's
# hatchling: no index is asked for a builder.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed and none was found. Name one: make PYTHON=/path/to/python" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "$(PYTHON) must be Python 3.11, 3.12 or 3.13. Received: $$($(PYTHON) --version). Name another: make PYTHON=/path/to/python" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r $(VENV)/uv.lock || true
	$(UV) -r requirements.lock --require-hashes || $(PIP) -r requirements.lock --require-hashes
	$(UV) --no-deps --no-build-isolation -e . || $(PIP) --no-deps --no-build-isolation -e .
	@touch $@
