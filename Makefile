# Everything is done with Go, gcc and make; nothing needs root or a container.
# `make` alone lists the targets.

GO      ?= go
SECS    ?= 10
EVERY   ?= 3
COUNT   ?= 1
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo devel)

# -count=1: a cached pass says nothing about this machine.
TESTFLAGS ?= -count=1 -timeout 15m
PACKAGES  ?= ./...

.DEFAULT_GOAL := help
# Every target is a command; sim, bench and others are names of folders too.
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*\#\# .*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the binaries into bin/
	@mkdir -p bin
	$(GO) build -trimpath -buildvcs=false -ldflags '-X main.version=$(VERSION)' -o bin/ ./cmd/...

run: build ## start four replicas and load on this machine; KILL=primary stops one on the way
	bin/replica demo --dir run/demo $(if $(KILL),--kill $(KILL))

test: ## run all tests; PACKAGES=./wire/... for some
	$(GO) test $(TESTFLAGS) $(PACKAGES)

race: ## run all tests with the race detector and the costly assertions
	$(GO) test -race -tags invariants -count=1 -timeout 30m $(PACKAGES)

lint: ## gofmt, go vet and staticcheck; silent when all is well
	@files=$$(git ls-files --cached --others --exclude-standard '*.go' | while read -r f; do [ -f "$$f" ] && echo "$$f"; done | xargs gofmt -l); \
	if [ -n "$$files" ]; then echo "gofmt would change these (run: gofmt -w FILE):"; echo "$$files"; exit 1; fi
	$(GO) vet $(PACKAGES)
	$(GO) vet -tags invariants,marks $(PACKAGES)
	$(GO) vet -tags mutants $(PACKAGES)
	$(GO) tool staticcheck $(PACKAGES)

fuzz: ## run every fuzz target for SECS seconds (default 10)
	GO='$(GO)' .ci/fuzz $(SECS)

corpus: ## keep what fuzzing found new and small under testdata/fuzz
	GO='$(GO)' .ci/corpus

badinput: ## send four replicas some thousand bad inputs, from the one list of limits; one line of figures
	GO='$(GO)' .ci/badinput

arm64: ## build for linux/arm64 and run the core's tests there under qemu; needs Debian's cross compiler, skips without
	GO='$(GO)' .ci/arm64

SEED ?= 1
SIM   = $(GO) test ./sim -tags marks -v -count=1 -timeout 0
sim: ## simulate COUNT clusters with faults, from SEED on; TRACE=1 tells all, SHRINK=1 makes what fails small, SCENARIO=file replays
ifdef SCENARIO
	$(SIM) -run '^TestScenarioFile$$' -sim.scenario=$(abspath $(SCENARIO)) $(if $(TRACE),-sim.trace)
else
	$(SIM) -run '^TestSeeds$$' -sim.start=$(SEED) -sim.seeds=$(COUNT) $(if $(TRACE),-sim.trace) $(if $(SHRINK),-sim.shrink -sim.out=$(CURDIR)/run/sim)
endif

sim-long: COUNT = 20000
sim-long: ## the nightly run: COUNT (20000) clusters; a rare branch that none of them reached fails it
	$(GO) test ./consensus -tags marks -count=1 -run '^TestRareBranches$$'
	$(SIM) -run '^TestSeeds$$' -sim.start=$(SEED) -sim.seeds=$(COUNT) -sim.marks=fail

VIEWS  ?= 0
FAILS  ?= 5
twins: ## play Twins scenarios, exhaustively and sampled; N=4, 6 or 7, VIEWS=, COUNT= samples, SEED=; REPLAY='…' tells one
	@$(GO) run ./sim/cmd/twins -n $(or $(N),0) -views $(VIEWS) -count $(if $(filter command line,$(origin COUNT)),$(COUNT),-1) -seed $(SEED) -fails $(FAILS) $(if $(REPLAY),-replay '$(REPLAY)')

vcmodel: ## visit every state of the view-change rule's model; minutes
	GO='$(GO)' .ci/vcmodel

mutants: ## plant each known kind of bug and show what kills it; a survivor is a failure
	$(GO) run ./internal/plant/score

bench-schemes: ## CPU of all replicas per block and bytes per certificate, for each signature scheme over n
	$(GO) test ./sigagg -run '^$$' -bench '^(BenchmarkBlock|BenchmarkEdBatch)$$' -benchtime 10x -timeout 20m

bench-micro: ## run all micro-benchmarks COUNT times, for benchstat
	$(GO) test -run '^$$' -bench . -benchmem -count=$(COUNT) -timeout 60m $(PACKAGES)

bench-payers: ## CPU time per payer's signature in the stage that verifies them, by how many are verified together
	$(GO) test ./pipeline -run '^$$' -bench Payer -cpu 1 -count=1

REPEAT ?= 1
ONLY   ?=
PLOTS  ?= run/bench/plots
MEASURE = bin/measure run --repeat $(REPEAT) --plots $(PLOTS) $(if $(ONLY),--only '$(ONLY)') $(ARGS)
bin/measure: build
	$(GO) build -trimpath -buildvcs=false -o bin/ ./bench/measure ./sim/cmd/scaling

.PHONY: bin/measure
bench: bin/measure ## run all experiments on real processes, REPEAT times; ONLY='name|name' for some, LONG=1 for 100M transfers too
	$(MEASURE) --set $(if $(LONG),long,full)

bench-quick: bin/measure ## the same for the floor figures alone; minutes
	$(MEASURE) --set quick

bench-compare: ## hold result B against result A: A=old.jsonl B=new.jsonl
	@$(GO) run ./bench/measure compare '$(A)' '$(B)'

bench-plot: ## draw results as one offline HTML page, SVG and PNG into PLOTS: RESULT=file.jsonl
	@$(GO) run ./bench/measure plot --out $(PLOTS) $(RESULT)

replay-bank: build ## replay real bank data through four replicas and compare every balance; QUORATE_BANK_CSV names the file
	bench/bank/replay.sh

CYCLES ?= 50
kill9: build ## kill, pause and stop real replicas CYCLES times under load, from SEED; ARGS='-replicas 7 -f 2' for more
	$(GO) build -trimpath -buildvcs=false -o bin/ ./bench/kill9
	bin/kill9 -cycles $(CYCLES) -seed $(SEED) $(ARGS)

ROUNDS ?= 17
netfaults: build ## break the network between real replicas ROUNDS times, from SEED; needs root, skips without
	@bench/netfaults/install.sh
	$(GO) build -trimpath -buildvcs=false -o bin/ ./bench/netfaults
	bin/netfaults -rounds $(ROUNDS) -seed $(SEED) $(ARGS)

# profile : payments per request : clients : requests of each under way
CONFIGS ?= throughput:4000:4:4 balanced:2000:8:4 latency:500:8:12
HOSTFILE = run/capacity/host.json
capacity: build ## calibrate this host, then predict and verify three loads that were not used for it; minutes, on a quiet host
	@mkdir -p run/capacity
	bin/replica capacity calibrate --out $(HOSTFILE) $(ARGS)
	@bad=0; for c in $(CONFIGS); do set -- $$(echo $$c | tr : ' '); \
	bin/replica capacity verify --calibration $(HOSTFILE) --profile $$1 --batch $$2 --clients $$3 --in-flight $$4 --seconds 10 \
	--save run/capacity/$$1-$$2.json || bad=1; done; exit $$bad

alerts-test: ## check deploy/prometheus and show each alert fire and clear; needs promtool (Debian: prometheus), skips without
	deploy/check.sh

dashboards: build ## four real replicas, load and a real Prometheus: every expression of deploy/ has data; needs Debian's prometheus, skips without
	@bench/drill/install.sh
	$(GO) build -trimpath -buildvcs=false -o bin/ ./bench/drill
	bin/drill -mode dashboards $(ARGS)

alert-drill: build ## stage a real fault for each alert: it fires, and clears after it; minutes, some faults need root
	@bench/drill/install.sh
	$(GO) build -trimpath -buildvcs=false -o bin/ ./bench/drill
	bin/drill -mode alerts $(ARGS)

console-test: ## use the console with a headless browser, by keys, in light and dark, narrow and wide; needs chromium and npm, skips without
	$(GO) test ./cmd/replica/e2e -count=1 -v -run '^TestConsole' -args -console.browser

console-shots: ## take docs/img/console-light.png and -dark.png of four replicas under load
	@mkdir -p docs/img
	$(GO) test ./cmd/replica/e2e -count=1 -v -run '^TestConsoleInABrowser$$' -args -console.shots=$(CURDIR)/docs/img

crashpoints: ## crash four replicas' disks at every file-system operation of a script, and open what is left
	$(GO) test ./sim/disks -v -count=1 -timeout 0 -run TestEveryCrashPoint -disks.full

diskfaults: ## damage what real replicas left on their disks, file by file, and their disks while they run; EVERY=1 for the whole matrix
	GO='$(GO)' EVERY='$(EVERY)' bench/diskfaults/run.sh

REPEAT ?= 1
WARMUP ?= 10
ONLY   ?=
PEERS  = bench/peers
peers: build ## measure CometBFT, etcd, ourselves and ourselves unreplicated, one at a time; SECS=, REPEAT=, ONLY=cometbft|etcd|ours|upper
	$(GO) build -trimpath -buildvcs=false -o bin/ ./bench/upper
	cd $(PEERS) && $(GO) build -trimpath -buildvcs=false -o $(CURDIR)/bin/ .
	bin/peers run -product bin -dir run/peers -out run/peers/rows.jsonl -commit $(VERSION) -secs $(SECS) -warmup $(WARMUP) -repeat $(REPEAT) -only '$(ONLY)' -variant '$(VARIANT)'

peers-test: build ## lint and test the comparison: every system for a second; skips when its modules cannot be had
	@if ! (cd $(PEERS) && $(GO) mod download); then echo "peers-test: SKIPPED: the modules of $(PEERS) cannot be downloaded"; exit 0; fi; \
	$(GO) build -o bin/ ./bench/upper honnef.co/go/tools/cmd/staticcheck && \
	cd $(PEERS) && $(GO) vet ./... && ../../bin/staticcheck ./... && $(GO) test -count=1 ./...

clean: ## remove binaries, demo data and reports
	rm -rf bin run
