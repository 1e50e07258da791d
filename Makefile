# make demo        all the set-up it needs, then the main job on the shipped digits model
# make test        all the set-up it needs, then every check and test
# make frameworks  all the set-up it needs, then the whole set of tests of the frameworks whose modules hwsnn reads
# make browser     all the set-up it needs but Chromium, then the tests that open pages in it
# make sinabs      of these the tests with the third version of sinabs alone
# make lint        style and types alone
# make pytest      the tests alone
# make docs        all the set-up it needs, then the documentation site, into docs/_build/html
# make notebooks   all the set-up it needs, then every tutorial, in a temporary folder
# make coverage    which lines of hwsnn the tests of tests/ run
# make clean       remove what these made here
#
# CONSTRAINTS names another file of versions: an empty one for the newest of everything. TESTS are the marks of the tests
# that `make test` and `make pytest` run: 'not long' for those of the frameworks and the browser as well, all but
# `make sinabs`.

PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
TESTS ?= not long and not frameworks and not browser
# Files in their order, simulations first: sorted by their numbers of tests, the longest would be the last to begin.
PYTEST = -m pytest -n 2 --dist loadfile --no-loadscope-reorder
VENV := .venv
INSTALLED := $(VENV)/installed
TESTABLE := $(VENV)/testable
DOCUMENTED := $(VENV)/documented
SITE := docs/_build/html
SINABS3 := $(VENV)/sinabs3

.PHONY: demo test frameworks browser sinabs lint pytest docs notebooks coverage clean prerequisites

demo: $(INSTALLED)
	$(VENV)/bin/hwsnn demo -o hwsnn-demo

test: lint pytest

test pytest frameworks browser sinabs notebooks coverage: TESTING := yes

pytest: $(TESTABLE)
	$(VENV)/bin/python $(PYTEST) -m '$(TESTS)'

frameworks: $(TESTABLE)
	$(VENV)/bin/python $(PYTEST) -m frameworks
	$(MAKE) sinabs

browser: $(TESTABLE)
	@for program in chromium chromedriver; do \
	    command -v $$program > /dev/null || \
	        { echo "missing: $$program (Debian, Ubuntu: apt install chromium chromium-driver)" >&2; missing=yes; }; \
	done; [ -z "$$missing" ]
	$(VENV)/bin/python -m pytest -m browser tests/report

# With an older nir, too: other folders import what that lacks.
sinabs: $(TESTABLE) $(SINABS3)
	PYTHONPATH="$$PWD/$(SINABS3)" $(VENV)/bin/python $(PYTEST) -m 'not long' -k sinabs \
	    tests/checking tests/frontends/modules tests/test_frameworks.py tests/test_framework_examples.py \
	    tests/test_importing_page.py

lint: $(TESTABLE)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# Warnings are errors: links that lead nowhere, pages that none leads to, names that docstrings misspell.
docs: $(DOCUMENTED)
	$(VENV)/bin/python -m sphinx -W --keep-going --quiet -c docs/site . $(SITE)
	@echo "$(SITE)/index.html"

notebooks: $(TESTABLE)
	$(VENV)/bin/python $(PYTEST) -m 'long or not long' tests/test_notebooks.py

coverage: $(TESTABLE)
	$(VENV)/bin/python $(PYTEST) --cov --cov-report=term:skip-covered tests

$(INSTALLED): pyproject.toml $(CONSTRAINTS) | prerequisites
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) hatchling editables
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) \
	    --no-build-isolation -e '.[compiled,report]'
	touch $@

# Training is tested too: PyTorch is the most of it. The frameworks come with what their neurons import, and no more: all
# that they ask for is 91 MB and 24 packages, among them a torchvision that does not load beside every PyTorch.
$(TESTABLE): $(INSTALLED)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) \
	    --no-build-isolation -e '.[adders,compiled,dev,explore,gowin,report,train]'
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) --no-deps \
	    snntorch 'spikingjelly; python_version >= "3.11"' sinabs norse loguru nirtorch pbr
	touch $@

$(DOCUMENTED): $(INSTALLED)
	@$(VENV)/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "make docs needs Python 3.11 or newer")'
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) \
	    --no-build-isolation -e '.[docs]'
	touch $@

# It wants an older nir than all else here: both lie apart, and come first where they are named.
$(SINABS3): $(TESTABLE)
	rm -rf $@
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --target $@ \
	    sinabs==3.1.3 nir==1.0.4

# Every missing program is named before anything is installed. TESTING: what tests alone need is looked for too.
prerequisites:
	@missing=; \
	lacks() { echo "missing: $$1" >&2; missing=yes; }; \
	if ! command -v $(PYTHON) > /dev/null; then \
	    lacks "$(PYTHON), Python 3.10 or newer (Debian, Ubuntu: apt install python3 python3-venv; or make PYTHON=/path/to/python)"; \
	elif ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then \
	    lacks "Python 3.10 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1) (make PYTHON=/path/to/python names another)"; \
	elif ! $(PYTHON) -c 'import ensurepip, venv' 2> /dev/null; then \
	    lacks "Python's venv module (Debian, Ubuntu: apt install python3-venv)"; \
	fi; \
	command -v g++ > /dev/null || lacks "g++, a C++ compiler (Debian, Ubuntu: apt install g++)"; \
	command -v perl > /dev/null || lacks "perl (Debian, Ubuntu: apt install perl)"; \
	[ -z "$(TESTING)" ] || command -v tclsh > /dev/null || lacks "tclsh, Tcl's shell (Debian, Ubuntu: apt install tcl)"; \
	[ -z "$$missing" ]

clean:
	rm -rf $(VENV) hwsnn-demo dist docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
