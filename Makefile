# Everything starts here: Python 3.11 or later, make and pip are enough; root or not, and offline from the second time on.
#
#   make demo               the whole house with invented people (KELISIM_PORT=8000, FRESH=1 forgets the last time)
#   make test               quick checks, then all tests (PYTEST_ARGS="tests/audit -k history"; PG=15 for a system PostgreSQL)
#   make lint               the quick checks alone
#   make prove              the proofs at full size, with their figures
#   make browser            chromium for the browser tests (Debian, as root)
#   make messages           collect the strings for translation
#   make shell              Django's shell

SHELL := /bin/sh
.DEFAULT_GOAL := test
.PHONY: demo test lint prove browser messages shell .venv

RUN := .venv/bin
APPS := config audit staff notifications subjects policies consent transfers
PYTEST_ARGS ?=
ifdef PG
export KELISIM_TEST_PG := $(PG)
endif
export UV_PYTHON_DOWNLOADS := never
# whatever the machine says: without bytecode every process of a test or demo compiles two thousand files, two thirds of its start
export PYTHONDONTWRITEBYTECODE :=
export KELISIM_PORT ?= 8000
export FRESH ?=

TYPED := $(wildcard $(foreach app,$(APPS),$(app)/services.py $(app)/services/*.py $(app)/rules.py $(app)/tasks.py $(app)/*_services.py $(app)/*_rules.py)) \
	$(wildcard subjects/cipher.py subjects/keyring.py subjects/vault*.py) \
	config/embedded.py config/engines.py config/processes.py config/smtp_sink.py
TEMPLATES = $(shell find templates $(APPS) -name '*.html' 2>/dev/null)

# Not secrets: they let the production settings be read, and no server is asked.
PRODUCTION := KELISIM_ENV=production DATABASE_URL=postgres://nobody@localhost/none REDIS_URL=rediss://localhost/0 \
	SECRET_KEY=0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \
	KELISIM_KEY_ENCRYPTION_KEYS=1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= \
	KELISIM_INDEX_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= \
	ALLOWED_HOSTS=example.kz EMAIL_URL=smtp+tls://localhost:587 KELISIM_SITE_URL=https://example.kz

demo: .venv
	@$(RUN)/python manage.py compile_locale
	@exec $(RUN)/python manage.py demo

test: lint
	$(RUN)/python manage.py compile_locale
	$(RUN)/pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

lint: .venv
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/lint-imports
	$(PRODUCTION) $(RUN)/mypy $(TYPED)
	$(if $(TEMPLATES),$(RUN)/djade --check $(TEMPLATES))
	$(PRODUCTION) $(RUN)/python manage.py check --deploy --fail-level WARNING
	$(RUN)/python manage.py makemigrations --check --dry-run

prove: .venv
	$(RUN)/python manage.py compile_locale
	KELISIM_PROVE=1 $(RUN)/pytest -p no:xdist -s -m prove $(PYTEST_ARGS)

messages: .venv
	$(RUN)/python manage.py messages

shell: .venv
	@exec $(RUN)/python manage.py shell

browser:
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ]; then echo "No chromium on PATH. As root: apt-get install chromium" >&2; exit 1; fi; \
	apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium fonts-dejavu-core

# The stamp keeps the second start from asking anybody anything.
.venv: .venv/.synced

find_python = for name in python3 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; (3, 11) <= sys.version_info[:2] <= (3, 13) or sys.exit(1); print(sys.executable)' 2>/dev/null && break; \
	done || true

UV := $(or $(shell command -v uv),.uv/bin/uv)

.venv/.synced: pyproject.toml uv.lock | $(filter .uv/bin/uv,$(UV))
	@set -eu; \
	python=$$($(find_python)); \
	if [ -z "$$python" ]; then echo "Kelisim needs Python 3.11, 3.12 or 3.13 on PATH." >&2; exit 1; fi; \
	if .venv/bin/python -c '' 2>/dev/null; then python=.venv/bin/python; fi; \
	$(UV) sync --frozen --python "$$python"; \
	touch $@

# Where python3 lacks venv (Debian without python3-venv), pip puts uv into a folder.
.uv/bin/uv:
	@set -eu; \
	python=$$($(find_python)); \
	echo "Fetching uv into .uv"; \
	{ "$$python" -m venv .uv && .uv/bin/python -m pip install --quiet uv; } 2>/dev/null \
	|| { rm -rf .uv; "$$python" -m pip install --quiet --target .uv uv; } \
	|| { rm -rf .uv; pip3 install --quiet --target .uv uv; }
