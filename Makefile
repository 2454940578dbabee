# Each target does everything on a machine that has only python3 with venv, and make.
PYTHON ?= python3
BIN := .venv/bin
NEWEST := .venv-newest/bin

# The real MNIST, where a copy lies beside the checkout; tests that need it are skipped elsewhere.
ifneq ($(wildcard ../shared/data/mnist.npz),)
export SYNCTOPO_DATA ?= ../shared/data
endif

.PHONY: demo test lint chaos docs clean

demo: .venv/installed  ## the main job on real data: some five minutes on two cores, the installation among them
	$(BIN)/synctopo run studies/heterogeneity.toml --size demo --other-code redo

test: lint .venv-newest/installed  ## everything that is checked, in both environments
	$(BIN)/pytest -n auto
	$(NEWEST)/pytest -n auto -m smoke

lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

# SIZE=0.1 tries everything a tenth as often; LIMIT bounds the seconds, and the next run goes on; results/chaos/table.md has the counts.
SIZE ?= 1
SEED ?= 0
LIMIT ?= 600

chaos: .venv/installed  ## kill, fill, damage, race and fuzz a study, and count what is lost: ten minutes at most
	$(BIN)/python -m chaos --size $(SIZE) --seed $(SEED) --seconds $(LIMIT)

docs: .venv/installed  ## the documentation with its reference, as HTML
	$(BIN)/python -m sphinx -q -W -b html docs docs/_build
	@echo "open docs/_build/index.html"

# With giotto-tda, which holds scikit-learn at 1.3.2 and numpy below 2.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[giotto,dev,docs]'
	touch $@

# Without it: the newest numpy and scikit-learn there are.
.venv-newest/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-newest
	$(NEWEST)/python -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager -c constraints.txt -e '.[dev]'
	touch $@

clean:  ## forget the environments and the results
	rm -rf .venv .venv-newest results docs/_build
