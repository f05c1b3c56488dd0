# make demo                    the whole story on drawn cars: check, train, evaluate, detect; results in demo/
# make demo PHOTOS="my photos" the same on your own labelled pictures
# make test                    what has to pass before a change goes in
# make lint                    its quickest part
# make clients                 the environments of other people's clients that the tests drive
# make soak                    what takes long: every test on SQLite and on PostgreSQL, 50 kills of service and pipeline, outages of a minute, the story on all real pictures
# make picture                 draw docs/pictures/demo.jpg again, from the results in demo/
# make docs                    write docs/files.md, docs/commands.md, docs/settings.md and docs/debugger.md again
# make clean                   remove what these made, your demo/ included
#
# All of it happens in .venv; installing is repeated when pyproject.toml or constraints.txt changes.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
JOBS ?= 2

IN_VENV := .venv/bin/python
INSTALL := $(IN_VENV) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Some images set it; each of the hundreds of servers and commands that tests start would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

# Read by the shell, not by make, so that names with spaces stay whole.
export PHOTOS PICTURES

.PHONY: demo test lint types clients soak format picture docs clean
.DELETE_ON_ERROR:

demo: .venv/.installed
	$(IN_VENV) -m walkaround demo --out demo $${PHOTOS:+--photos "$$PHOTOS"} $${PICTURES:+--pictures "$$PICTURES"}

test: lint
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target types clients
	@sh scripts/system-packages.sh
	$(IN_VENV) -m pytest -n $(JOBS) --dist loadfile -rs

lint: .venv/.installed-dev
	$(IN_VENV) -m ruff check
	$(IN_VENV) -m ruff format --check

types: .venv/.installed-dev
	$(IN_VENV) -m mypy

clients: .venv/.installed-dev
	@sh scripts/client-environments.sh

soak: clients
	$(IN_VENV) benchmarks/faults.py --rounds 50
	WALKAROUND_DATABASES=both WALKAROUND_SOAK=1 $(IN_VENV) -m pytest -n $(JOBS) --dist loadfile -rs
	WALKAROUND_AWAY_SECONDS=60 $(IN_VENV) -m pytest tests/clients/test_faults.py -rs -k "away or full"
	$(IN_VENV) benchmarks/service_story.py ../shared/data/car-damage
	$(IN_VENV) benchmarks/arrivals.py --arrivals 10000 --kills 50 --postgres

format: .venv/.installed-dev
	$(IN_VENV) -m ruff check --fix
	$(IN_VENV) -m ruff format

picture: .venv/.installed
	$(IN_VENV) tools/readme_picture.py demo docs/pictures/demo.jpg

docs: .venv/.installed
	$(IN_VENV) tools/list_files.py
	$(IN_VENV) tools/list_commands.py
	$(IN_VENV) tools/list_settings.py
	$(IN_VENV) tools/list_rules.py

.venv/bin/python:
	@sh scripts/make-venv.sh "$(PYTHON)"

.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing walkaround into .venv ..."
	@$(INSTALL) hatchling editables
	@$(INSTALL) --no-build-isolation --editable ".[heic]"
	@touch $@

.venv/.installed-dev: .venv/.installed
	@echo "Installing what the tests need ..."
	@$(INSTALL) --no-build-isolation --editable ".[aws,bulk,heic,parquet,postgres,train,dev]"
	@touch $@

clean:
	rm -rf .venv .venv-clients build dist demo .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} +
