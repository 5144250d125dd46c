# Two commands for a new user: `make demo` and `make test`. Both work from any folder with `make -C`.

ROOT := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
PYTHON ?= $(shell command -v python3.11 || command -v python3)
JOBS ?= 2
QUICK := $(addprefix tests/test_,$(addsuffix .py,ack arena arrows config flow fusion hotlist_draft hotlist_entry \
	hotlist_trust importers_field keys matching matching_candidates matching_index motion padding passes \
	receipts tracks waking zones))
VENV := $(ROOT).venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test check tests quick short docs format lock system bench clean

demo: $(INSTALLED)  ## Read a sample road video (or VIDEO=clip.mp4 / CAMERA=rtsp://..., PLATES="A B") and forget
	@cd $(ROOT) && $(BIN)/python -m scripts.demo $(if $(VIDEO),--video "$(abspath $(VIDEO))") $(if $(CAMERA),--camera "$(CAMERA)") $(if $(PLATES),--plates "$(PLATES)")

test: system $(INSTALLED) check tests  ## Everything: format, lint, types, tests

check: $(INSTALLED)
	cd $(ROOT) && $(BIN)/ruff format --check .
	cd $(ROOT) && $(BIN)/ruff check .
	cd $(ROOT) && $(BIN)/mypy

tests: $(INSTALLED)  ## Every test, JOBS of them side by side; each has folders and ports of its own
	cd $(ROOT) && $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

quick: $(INSTALLED)  ## The inner loop: the tests that start no server, browser or box
	cd $(ROOT) && $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal $(QUICK)

# Not part of `make test` until docs/results/short.json is made anew: its figures and parts are an older build's.
short: $(INSTALLED)  ## A short run of every benchmark into report/, held against the committed one; no time fails it
	cd $(ROOT) && $(BIN)/alpr-bench all --short --out report
	cd $(ROOT) && $(BIN)/alpr-bench compare docs/results/short.json report/results.json --portable --limit 0.8

system:  ## Debian packages that the tests use; what cannot be installed is named, and its tests counted as left out
	@sh $(ROOT)scripts/system-packages.sh

bench: $(INSTALLED)  ## Every benchmark, one report in report/
	cd $(ROOT) && $(BIN)/alpr-bench all

docs: $(INSTALLED)  ## The documentation as a site in site/; a broken link fails
	cd $(ROOT) && NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: $(INSTALLED)
	cd $(ROOT) && $(BIN)/ruff format . && $(BIN)/ruff check --fix .

lock:  ## Write requirements.lock anew from pyproject.toml
	sh $(ROOT)scripts/lock.sh $(PYTHON)

$(INSTALLED): $(ROOT)requirements.lock $(ROOT)pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed (set PYTHON=...)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11 (set PYTHON=...)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(ROOT)requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e $(ROOT)
	@touch $@

clean:
	rm -rf $(VENV) $(ROOT)report $(ROOT)demo-out $(ROOT)site
