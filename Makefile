# The whole set-up on a fresh Debian 12 with Swift 6.3: `make demo` runs the main job, `make test` passes the tests.
SHELL := /bin/bash
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
MUSTER := .build/release/muster
TRAINING := python3-torch python3-numpy libopenblas0-pthread

HOSTS := env MUSTER_BIN=$(CURDIR)/.build/debug/muster /usr/bin/python3 -m unittest discover -v -s Tests/Hosts -t Tests/Hosts

# Chromium drives the page in its tests; Chart.js draws its plots, also where it is only used.
PAGE := libjs-chart.js
PAGE_TESTS := chromium python3-venv

.PHONY: page-tests page-tools screenshots demo test release-tests hosts hosts-bench bench chaos build lint format packages training-packages prometheus-packages

demo:
	@echo "First the packages (1 to 2 minutes), then the build (5 to 8 minutes on two cores), then the demo (under 3 minutes)."
	@$(MAKE) --no-print-directory packages training-packages
	@$(MAKE) --no-print-directory build
	@/usr/bin/python3 examples/demo/demo.py --muster $(MUSTER)

build:
	swift build -c release --product muster

# The whole test suite: units, properties, real processes.
test: packages
	/usr/bin/python3 -m unittest discover -s python/tests
	swift build --product muster
	MUSTER_BIN=$(CURDIR)/.build/debug/muster /usr/bin/python3 -m unittest discover -s Tests/EndToEnd -t Tests/EndToEnd
	$(HOSTS)
	swift test

# What only an optimised program does wrong: those tests that ask every route, on the program that people run.
release-tests: packages build
	MUSTER_BIN=$(CURDIR)/$(MUSTER) /usr/bin/python3 -m unittest discover -s Tests/EndToEnd -t Tests/EndToEnd \
	  -k test_accounts -k test_devices -k test_efficiency -k test_metrics -k test_simulated -k test_telemetry

# The page in a real browser. Playwright comes from PyPI into a folder of its own.
page-tests: page-tools
	swift build --product muster
	MUSTER_BIN=$(CURDIR)/.build/debug/muster .venv-page/bin/python -m unittest discover -v -s Tests/Page -t Tests/Page

# docs/images, from a real run.
screenshots: page-tools
	swift build --product muster
	MUSTER_BIN=$(CURDIR)/.build/debug/muster .venv-page/bin/python Tests/Page/screenshots.py docs/images

page-tools: packages
	@scripts/install-packages $(PAGE_TESTS)
	@test -x .venv-page/bin/playwright || (python3 -m venv .venv-page && .venv-page/bin/pip install -q playwright==1.65.2)

# Hosts as network namespaces, links that are cut; needs root. Skipped, with the reason, where it is not allowed.
hosts: packages
	swift build --product muster
	$(SUDO) $(HOSTS)

hosts-bench: packages build
	$(SUDO) env MUSTER_BIN=$(CURDIR)/$(MUSTER) /usr/bin/python3 Tests/Hosts/measure.py

# The longest part is the simulator against EASY backfill; `make bench PHILLY=.../philly.csv` adds the published trace to it.
bench: packages training-packages build
	cd Benchmarks/Core && swift run -c release core-bench
	cd Benchmarks/Core && swift run -c release planner-bench
	cd Benchmarks && swift run -c release muster-bench all
	/usr/bin/python3 Benchmarks/policy.py $(if $(PHILLY),--philly $(PHILLY))
	$(SUDO) /usr/bin/python3 Benchmarks/slurm.py

# The hostile harness: 1,000 seeds in virtual time, or `make chaos HOURS=8` for the night.
chaos: build
	$(MUSTER) chaos $(if $(HOURS),--seeds $$RANDOM$$RANDOM --hours $(HOURS),--seeds 1..1000)

lint:
	swift format lint --strict --recursive Sources Tests Package.swift

format:
	swift format --in-place --recursive Sources Tests Package.swift

packages:
	@scripts/install-packages libsqlite3-dev pkg-config python3 iproute2 $(PAGE)

# Only where a service called prometheus may be started, which the package does: tests that want it skip without.
prometheus-packages:
	@scripts/install-packages prometheus

training-packages:
	@scripts/install-packages $(TRAINING)
