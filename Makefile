# Verbs of this repository. `make help` lists them; `make check` is what CI runs.

STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
WITH_POSTGRES := go run ./internal/store/postgres/pgtest/with
FUZZTIME    ?= 30s
CHAOS_SEEDS ?= 1 2 3
MAX_BINARY  := 41943040 # 40 MiB

.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' Makefile)

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

check: fmt tidy lint build test test-checked clean-tree ## everything CI runs

fmt: ## fail on files that gofmt would change
	@out="$$(gofmt -l .)"; test -z "$$out" || { echo "gofmt would change:"; echo "$$out"; exit 1; }

tidy: ## fail when go.mod or go.sum would change
	go mod tidy -diff
	cd bench && go mod tidy -diff

lint: ## go vet and staticcheck
	go vet ./...
	cd bench && go vet ./...
	$(STATICCHECK) ./...

build: ## build the static binary and hold its size; compile for macOS
	CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o bin/template-worker ./cmd/template-worker
	CGO_ENABLED=0 go build -o bin/luau ./cmd/luau
	GOOS=darwin go build ./...
	@size="$$(stat -c %s bin/template-worker)"; test "$$size" -lt $(MAX_BINARY) || { echo "binary has $$size bytes, over $(MAX_BINARY)"; exit 1; }

test: ## all tests with the race detector
	go test -race ./...

test-postgres: ## the PostgreSQL store against a private server of its own, which needs PostgreSQL's programs
	$(WITH_POSTGRES) -unsynced go test -race -count=1 ./internal/store/postgres/...

test-checked: ## the engine's tests with bounds-checked memory access instead of unsafe
	go test -tags luau_checked ./luau/...

run: ## start a server on ./data
	go run ./cmd/template-worker serve

bench: bench-link bench-engine bench-fair bench-store bench-kv ## all benchmarks; results belong in docs/bench

bench-link: ## the link beside raw frames, gRPC and NATS, in one run
	cd bench && go run ./link

bench-fair: ## how a worker shares its processor among tenants; writes docs/bench/fairness.md
	cd bench && go run ./fair -o ../docs/bench/fairness.md

bench-store: ## both stores, PostgreSQL on a private server; writes docs/bench/store.md
	$(WITH_POSTGRES) sh -c 'cd bench && go run ./store'

bench-kv: ## KV calls of scripts through the whole program, on SQLite; writes docs/bench/kv.md
	cd bench && go run ./kv

bench-engine: ## our Luau engine beside gopher-lua, lua5.1 and, if LUAU_BIN names it, the reference interpreter; writes docs/bench/engine.md
	cd bench && go run ./engine

chaos: ## 500 faults against a real master and 8 workers under load, for each of CHAOS_SEEDS; as root the clock jumps too
	@mkdir -p bin && rm -f bin/chaos.txt
	@for seed in $(CHAOS_SEEDS); do \
		CHAOS_SEED=$$seed CHAOS_DISPATCHES=200000 CHAOS_FAULTS=500 CHAOS_WORKERS=8 CHAOS_PAUSE_MS=300 CHAOS_REPORT="$(CURDIR)/bin/chaos.txt" \
		CHAOS_CLOCK="$$(test "$$(id -u)" != 0 || echo 1)" \
		go test -count=1 -timeout 30m -run '^TestChaos$$' ./internal/apptest || exit 1; \
	done
	@cat bin/chaos.txt

fuzz: ## every fuzz target for FUZZTIME each
	@for pkg in $$(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$pkg/*_test.go | cut -c6-); do \
			echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

restarts: ## 100 rolling restarts of 3 workers under 500 events a second; prints what was lost and the times
	RESTART_ROUNDS=100 RESTART_RATE=500 go test -count=1 -timeout 60m -v -run TestRestart_RollingUnderLoad ./internal/apptest

conformance: ## LUAU=folder of the reference's tests/conformance: run them
	LUAU_CONFORMANCE="$(LUAU)" go test -count=1 -v -run TestConformance ./luau/luautest

blame: ## 60 tenants, 3 workers, one script that kills its worker, 50 seeds: who is blamed and what it costs the others
	TW_BLAME_SEEDS=50 go test -count=1 -v -timeout 30m -run TestIsolation_FindsTheKiller ./internal/process

clean-tree: ## fail when something above left the tree changed
	@test -z "$$(git status --porcelain)" || { git status --short; exit 1; }
