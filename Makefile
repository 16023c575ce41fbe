# Everything that is done with weft is done from here. `make` lists it; every target installs what it
# needs first, so each one works as the first command in a fresh clone.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory --warn-undefined-variables

# Installing is done by the machine's own Node; everything else by the one that package-lock.json pins.
machine_path := $(PATH)
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

# node:sqlite still announces itself as an experiment on every start.
NODE_OPTIONS ?=
export NODE_OPTIONS := $(NODE_OPTIONS) --disable-warning=ExperimentalWarning

weft := node mesh/cli/main.ts

# Variables a person may give, as in `make up SCALE=inventory=3`.
SCALE ?=
STORY ?=
PORT_BASE ?=
PORT ?=
S ?=
F ?=
T ?=
ONLY ?=
SHORT ?=
SEED ?=
KILLS ?=
A ?=
RUNS ?=

# $(call flag,NAME,VARIABLE): --NAME and its value, if one was given.
flag = $(if $($2),--$1 '$($2)')

help:
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##@ See it work

up: ready ## Start Consul, NATS and the services (SCALE="inventory=3,payments=2", STORY=shop, PORT_BASE=7100)
	@$(weft) up $(call flag,scale,SCALE) $(call flag,story,STORY) $(call flag,port-base,PORT_BASE)

down: ready ## Stop everything that `up` started; data stays
	@$(weft) down

ps: ready ## Show what runs, where, and how it is
	@$(weft) ps

logs: ready ## Show the logs (S=orders for one service, F=1 to follow)
	@$(weft) logs $(S) $(if $(F),--follow)

demo: ready ## Play a story against the running mesh and show what becomes of it (STORY=shop, or all)
	@node services/stage/main.ts $(STORY)

stat: ready ## Show the last minute of calls: success, rate, latency, lane and plain (S=orders for one service)
	@$(weft) stat $(S)

console: ready ## Show the mesh in a browser, live: topology, services, traces, events (PORT=7170)
	@$(weft) console $(call flag,port,PORT)

top: ready ## The same over and over, what fails first, until q (S=orders for one service)
	@$(weft) top $(S)

tap: ready ## Show calls and handled events as they happen (S=orders; A="--failed", "--slow 100ms", "--method PlaceOrder")
	@$(weft) tap $(or $(S),$(error say of which service, as "make tap S=orders")) $(A)

policy: ready ## Show the policy of calls to a service, each value with its origin (S=inventory)
	@$(weft) policy $(or $(S),$(error say of which service, as "make policy S=inventory"))

dlq: ready ## List what consumers gave up (A="show <id>", "replay <id>", "drop <id>", "stopped" for more)
	@$(weft) dlq $(or $(A),ls)

saga: ready ## List the sagas under way (A="show <id>", "retry <id>", "skip <id>", "compensate <id>" for more)
	@$(weft) saga $(or $(A),ls)

trace: ready ## Show one order's way as a tree of calls and events (T=<trace id>)
	@$(weft) trace $(or $(T),$(error say of which trace, as "make trace T=4bf92f3577b34da6a3ce929d0e0e4736"; docs/guides/follow-an-order.md says where to find one))

tools: ready ## Fetch and verify the binaries of Consul and NATS, and say where they are
	@$(weft) tools

clean: down ## Stop everything, then forget its data and what was built
	@rm -rf .run dist coverage

##@ Change it

gen: ready ## Generate gen/ from the contracts
	@node lab/gen.ts

asyncapi: ready ## Describe every channel and message in docs/reference/asyncapi.yaml, from the contracts
	@node lab/asyncapi.ts

fmt: ready ## Format sources and contracts, sort imports
	@biome check --write --log-level=warn .
	@buf format --write

check: ready ## Ask everything that can be asked without running it (ONLY=types for one check)
	@node lab/checks/main.ts $(ONLY)

gen-check: ready ## Is gen/ what the contracts say?
	@node lab/checks/main.ts gen

breaking: ready ## Can whoever built against the last release, else the last commit, go on?
	@node lab/checks/main.ts breaking

test: ready ## Run the tests (ONLY=mesh/rpc for a part)
	@NODE_OPTIONS="$$NODE_OPTIONS --experimental-vm-modules" jest --maxWorkers=2 $(ONLY)

test-slow: ready ## Run the tests that take long: whole stories, packing, the documents (ONLY=services/chat for a part)
	@SLOW=1 NODE_OPTIONS="$$NODE_OPTIONS --experimental-vm-modules" jest --maxWorkers=2 --passWithNoTests $(ONLY)

model: ready ## Walk the model of outbox and inbox further than `make test` does (RUNS=5000)
	@RUNS=$(or $(RUNS),5000) NODE_OPTIONS="$$NODE_OPTIONS --experimental-vm-modules" jest mesh/events/model.test

ci: ready ## Everything that must hold before a change is taken: check, test, up, demo, down
	@.ci/run

lock: ## Renew package-lock.json after a change of package.json
	@npm install --package-lock-only --ignore-scripts --loglevel=error
	@node lab/lock.ts

##@ Measure it

ground: ready ## Measure start, memory and outages on this machine into lab/results/ground.json
	@node lab/ground/main.ts
	@node lab/figures.ts

bench: ready ## Measure calls beside other ways to make them into lab/results/bench.json (ONLY=unary,rate)
	@node lab/bench/main.ts $(call flag,only,ONLY)
	@node lab/figures.ts

bench-events: ready ## Measure events beside the plain client into lab/results/bench-events.json (ONLY=publish,relay)
	@node lab/bench-events/main.ts $(call flag,only,ONLY)
	@node lab/figures.ts

bench-shop: ready ## Measure the whole shop, from order to notification, into lab/results/bench-shop.json
	@node lab/bench-shop/main.ts

claims: ready ## Run the experiments of the literature into lab/results/claims.json (ONLY=chain, SHORT=1)
	@node lab/claims/main.ts $(ONLY) $(if $(SHORT),--short)

rolling: ready ## Restart every service of the shop under 200 orders/s into lab/results/rolling.json
	@node lab/rolling/main.ts

sim: ready ## Run a mesh of 50 services x 10 instances on a virtual clock (SEED=1)
	@node lab/sim/main.ts $(SEED)

chaos-events: ready ## Kill, cut and lose things while orders come in, then hold the books (KILLS=200 SEED=1)
	@node lab/chaos/main.ts $(call flag,kills,KILLS) $(call flag,seed,SEED)

chaos-cluster: ready ## Kill the leader of a stream that three nats-servers keep, five times, also under the shop (LEADERS=5)
	@node lab/chaos/cluster.ts $(call flag,leaders,LEADERS)

outages: ready ## Take databases away for a minute while orders come in, into docs/guides/outages.md
	@node lab/outages/main.ts

results: ready ## Show every measured figure beside its bar
	@node lab/results.ts

##@ Ship it

dist: ready ## Build the library into dist/
	@rm -rf dist
	@tsc -p tsconfig.build.json
	@# Beside the code, where it looks for them: the contracts of weft and gRPC without the stories, and the pins.
	@buf build --as-file-descriptor-set --path proto/weft --path third_party/google --path third_party/grpc \
	  --output dist/gen/image.binpb
	@mkdir -p dist/deploy && cp deploy/tools.json dist/deploy/
	@cp mesh/console/page/*.css mesh/console/page/*.svg dist/mesh/console/page/
	@chmod +x dist/mesh/cli/main.js

pack: ready ## Build the package that strangers install
	@npm pack --loglevel=error
	@echo "in a project of yours: npm install $(CURDIR)/$$(ls -t weft-*.tgz | head -1); docs/guides/your-own-project.md goes on from there"

# Packages, once and again when the lockfile changes.
installed := node_modules/.weft-installed

# $(call node_at_least,20.0.0): ends with a sentence where node is older.
node_at_least = NODE_OPTIONS= node -e ' \
  const number = (version) => version.split(".").reduce((sum, part) => sum * 1000 + Number(part), 0); \
  if (number(process.versions.node) < number("$1")) { \
    console.error("weft needs Node.js $1 or newer here; this is " + process.version + ", see https://nodejs.org"); \
    process.exit(1); \
  }'

$(installed): package-lock.json
	@{ command -v node && command -v npm; } >/dev/null || { \
	  echo 'weft needs Node.js 20 or newer, with npm, on PATH; see https://nodejs.org' >&2; exit 1; }
	@PATH='$(machine_path)' $(call node_at_least,20.0.0)
	@echo 'installing packages, once (npm ci); this may take a minute'
	@PATH='$(machine_path)' NODE_OPTIONS= npm ci --ignore-scripts --loglevel=error || { \
	  echo 'npm ci failed, and says why above: most often a network or a registry that cannot be reached. Mend that and repeat the command (after a change of package.json: make lock)' >&2; exit 1; }
	@touch $@

# Where npm has no pinned Node for the platform, the machine's serves if it is new enough.
ready: $(installed) node_modules/.bin/weft
	@$(call node_at_least,22.22.2)

# So that `npx weft` is this checkout's, as it is the package's where weft is installed.
node_modules/.bin/weft: | $(installed)
	@ln -sf ../../mesh/cli/main.ts $@

.PHONY: help up down ps logs demo stat console top tap policy dlq saga trace tools clean gen asyncapi fmt check gen-check breaking test test-slow model ci lock ground bench bench-events bench-shop claims rolling sim chaos-events chaos-cluster outages results dist pack ready
