# Two commands: `make demo` shows Procession at work, `make test` checks everything. Both make .venv when it is missing
# or older than the requirements; nothing outside this folder changes but the package caches.
#
# PYTHON=/path/to/python3.12 chooses the interpreter.

bin := .venv/bin
inputs := pyproject.toml tools/venv requirements/uv.txt requirements/run.txt

# A file at a time for each process, in the order of their names: long files do not come last. A test that hangs ends its
# process, and with it the suite. Each start of our own program would compile it, where Python keeps no cache.
# `make test WORKERS=3`: a third of what tests take is waiting.
WORKERS ?= 2
pytest = PYTHONDONTWRITEBYTECODE= $(bin)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --max-worker-restart=0

.PHONY: demo test thorough check docs screenshots fuzz format bench lock sbom audit clean node azurite
.DEFAULT_GOAL := demo

demo: .venv/run.stamp
	@$(bin)/python -m procession.demo

# One OAuth client of the tests runs on Node, and one test in Chromium; without them those tests say so and are left out.
test: check node .venv/sdk.stamp
	$(pytest)

# What is too long for every change: every crash point, twice; 500 examples of each property; big files; all of it in
# another zone and locale. A failure of a property prints how to repeat it.
thorough: check node azurite .venv/sdk.stamp
	TZ=Asia/Kathmandu LC_ALL=C $(pytest) --thorough -o faulthandler_timeout=3600

node:
	@if ! command -v npm >/dev/null; then echo "no npm: one OAuth client is left out of the tests"; \
	else npm ci --silent --prefix tests/oauth/node || echo "npm ci failed: one OAuth client is left out of the tests"; fi

# Microsoft's server for tests of Azure, 360 MB: not for every change.
azurite:
	@npm install --silent --no-save --no-package-lock --no-fund --no-audit --prefix build/azurite azurite@3.37.0 \
		|| echo "npm install failed: what needs Azure is left out of the tests"

check: .venv/dev.stamp
	$(bin)/ruff format --check .
	$(bin)/ruff check .
	$(bin)/lint-imports
	$(bin)/mypy
	$(bin)/deptry src

# The pages of docs/ that are made from the code.
docs: .venv/dev.stamp
	$(bin)/python -m pytest -q --write-docs tests/docs/test_references.py tests/rights/test_document.py tests/commands/test_document.py \
		-k "document_is or page_is"

# EXAMPLES=500 is what a release takes: most of an hour, longer than one test may take elsewhere.
fuzz: .venv/dev.stamp
	$(bin)/python -m pytest tests/fuzz --examples=$(or $(EXAMPLES),100) -o faulthandler_timeout=7200

# Pictures of every page into docs/screenshots; needs chromium.
screenshots: .venv/dev.stamp
	$(bin)/python -m tests.browsing.screenshots

format: .venv/dev.stamp
	$(bin)/ruff format .
	$(bin)/ruff check --fix .

bench: .venv/dev.stamp
	$(bin)/python -m bench

# `make lock UPGRADE=--upgrade` takes the newest versions that pyproject.toml allows.
lock: .venv/dev.stamp
	tools/lock $(bin)/uv $(UPGRADE)

# What a release consists of, for whoever must know (CycloneDX 1.6).
sbom: .venv/dev.stamp
	@$(bin)/python tools/sbom

# Asks a vulnerability database, so it needs the internet, and fails where it could not look. AUDIT="-s osv" asks another.
audit: .venv/dev.stamp
	@$(bin)/python tools/audit requirements/dev.txt $(AUDIT)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist

.venv/run.stamp: $(inputs)
	@tools/venv run

.venv/sdk.stamp: .venv/dev.stamp tools/sdk $(wildcard requirements/sdk-*.txt)
	@tools/sdk .venv

.venv/dev.stamp: $(inputs) requirements/dev.txt
	@tools/venv dev
