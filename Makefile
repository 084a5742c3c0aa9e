# Two commands for a newcomer: `make demo` and `make test`. The rest is for those who change the tap.
PYTHON ?= python3
ENV ?= .venv
BIN := $(ENV)/bin
PLUGINS := .meltano
PROVIDER := tests/auth/provider/node_modules
MITMPROXY := .mitmproxy
DLT := .bench
SITE := .site
PYAIRBYTE := .airbyte
AIRFLOW := .airflow

export UV_COMPILE_BYTECODE := 1
export MELTANO_SEND_ANONYMOUS_USAGE_STATS := false
export MELTANO_CLI_DISABLE_VERSION_CHECK := true

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate $(UPGRADE)

.PHONY: demo test lint unit bench airflow coverage docs site dist fuzz lock clean

demo: $(ENV)/done $(PLUGINS)/done  ## copy a sandbox, or the instance of TAP_EPICOR_URL, twice
	$(BIN)/python scripts/demo.py

test: lint unit  ## everything that is checked

lint: $(ENV)/done site
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(SITE)/bin/typos
	$(SITE)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(SITE)/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(SITE)/bin/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SITE)/bin/check-jsonschema --builtin-schema vendor.github-issue-forms \
		$(filter-out %/config.yml, $(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(SITE)/bin/zizmor --offline --no-progress --quiet --persona pedantic .github

unit: $(ENV)/done $(PLUGINS)/done $(PROVIDER)/done $(MITMPROXY)/done $(PYAIRBYTE)/done
	$(BIN)/python -m pytest --numprocesses auto --dist loadscope --no-loadscope-reorder

bench: $(ENV)/done $(DLT)/done  ## how fast it is, beside other ways to copy the same rows; docs/speed.md
	$(BIN)/python -m bench

airflow: $(ENV)/done $(PLUGINS)/done $(AIRFLOW)/done  ## a load in shards by Airflow, one of them killed; OPTIONS="--scale 300000"
	$(BIN)/python -m tests.orchestrate.load $(OPTIONS)

coverage: $(ENV)/done $(PLUGINS)/done $(PROVIDER)/done $(MITMPROXY)/done $(PYAIRBYTE)/done  ## which lines no test runs; slow
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --sort=cover

docs: $(ENV)/done  ## write the generated parts of README.md, docs/, hub/ and meltano.yml anew
	$(BIN)/python scripts/generate.py

site: $(SITE)/done  ## build the documentation as a site, into the folder site; a dead link fails
	$(SITE)/bin/zensical build --clean --strict

dist: $(ENV)/done  ## build the package
	$(BIN)/uv build --quiet --clear --build-constraints requirements/build.txt --require-hashes

fuzz: .fuzz/done  ## fuzz each parser, guided by coverage, for SECONDS; atheris has wheels for some versions of Python only
	for target in $(or $(TARGET),metadata openapi connection_string error state catalog page literal settings); do \
		nice -n 15 .fuzz/bin/python -m tests.fuzz.fuzz $$target $(or $(SECONDS),300) 2>/dev/null || failed=1; \
	done; test -z "$$failed"

lock:  ## resolve the locked requirements anew (wants uv in the environment); UPGRADE=--upgrade takes newer versions
	$(COMPILE) requirements/build.in -o requirements/build.txt
	$(COMPILE) pyproject.toml --extra airbyte --extra arrow --extra parquet --extra sandbox --group dev requirements/build.in requirements/dev.in \
		-c requirements/build.txt -o requirements/dev.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/tap.txt
	$(COMPILE) pyproject.toml --extra airbyte -c requirements/dev.txt -o requirements/airbyte.txt
	$(COMPILE) requirements/target-csv.in -o requirements/target-csv.txt
	$(COMPILE) requirements/target-postgres.in -o requirements/target-postgres.txt
	$(COMPILE) requirements/mitmproxy.in -o requirements/mitmproxy.txt
	$(COMPILE) requirements/bench.in -o requirements/bench.txt
	$(COMPILE) requirements/site.in -o requirements/site.txt
	$(COMPILE) requirements/pyairbyte.in -o requirements/pyairbyte.txt
	$(COMPILE) requirements/airflow.in -o requirements/airflow.txt
	! grep -n -i -E '://|file:' requirements/*.txt

clean:
	rm -rf $(ENV) $(PLUGINS) $(PROVIDER) $(MITMPROXY) $(DLT) $(SITE) $(PYAIRBYTE) $(AIRFLOW) .cache .demo .fuzz dist output site

$(ENV)/done: pyproject.toml requirements/build.txt requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(ENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/build.txt
	$(BIN)/uv pip install --quiet --python $(ENV) --require-hashes --only-binary :all: --no-binary sly --build-constraints requirements/build.txt -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(ENV) --no-deps --no-build-isolation -e .
	touch $@

.fuzz/done: $(ENV)/done
	$(PYTHON) -m venv .fuzz
	$(BIN)/uv pip install --quiet --python .fuzz --require-hashes --only-binary :all: --no-binary sly --build-constraints requirements/build.txt -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python .fuzz --no-deps --no-build-isolation -e .
	$(BIN)/uv pip install --quiet --python .fuzz atheris
	touch $@

# The OpenID provider that sign-ins are tested against; the system's certificates, where npm's own do not hold.
$(PROVIDER)/done: $(ENV)/done tests/auth/provider/package-lock.json
	cd $(dir $(PROVIDER)) && NODE_OPTIONS=--use-system-ca PATH="$(abspath $(BIN)):$$PATH" \
		npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

$(PLUGINS)/done: $(ENV)/done meltano.yml requirements/tap.txt requirements/target-csv.txt requirements/target-postgres.txt
	$(BIN)/meltano install
	touch $@

# The proxy that faults are injected with; its requirements are at odds with those of the tap. pyperclip has no wheel.
$(MITMPROXY)/done: $(ENV)/done requirements/mitmproxy.txt
	$(PYTHON) -m venv $(MITMPROXY)
	$(BIN)/uv pip install --quiet --python $(MITMPROXY) --require-hashes --only-binary :all: --no-binary pyperclip --build-constraints requirements/build.txt -r requirements/mitmproxy.txt
	touch $@

# dlt, which the bench compares with, wants versions of its own.
$(DLT)/done: $(ENV)/done requirements/bench.txt
	$(PYTHON) -m venv $(DLT)
	$(BIN)/uv pip install --quiet --python $(DLT) --require-hashes --only-binary :all: -r requirements/bench.txt
	touch $@

# What builds the site and checks pages, spelling and workflows.
$(SITE)/done: $(ENV)/done requirements/site.txt
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(SITE)
	$(BIN)/uv pip install --quiet --python $(SITE) --require-hashes --only-binary :all: -r requirements/site.txt
	touch $@

# PyAirbyte, which reads the connector in the tests, and a linter of its Dockerfile. It is started once: compiling it
# takes longer. It has no version for Python 3.13 and newer; there the tests that want it are skipped.
$(PYAIRBYTE)/done: $(ENV)/done requirements/pyairbyte.txt
	$(PYTHON) -m venv $(PYAIRBYTE)
	if $(PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then UV_COMPILE_BYTECODE=0 \
		$(BIN)/uv pip install --quiet --python $(PYAIRBYTE) --require-hashes --only-binary :all: -r requirements/pyairbyte.txt; fi
	touch $@

# Airflow, which starts the tap as a command and shares no library with it.
$(AIRFLOW)/done: $(ENV)/done requirements/airflow.txt
	$(PYTHON) -m venv $(AIRFLOW)
	$(BIN)/uv pip install --quiet --python $(AIRFLOW) --require-hashes --only-binary :all: -r requirements/airflow.txt
	touch $@
