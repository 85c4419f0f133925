# Everything a contributor runs; CI runs the same.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOLANGCI_LINT = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.5.0

.PHONY: build test race lint vet generate golden fuzz bench bench-sensor bench-esql bench-guide bench-screen bench-triage bench-respond bench-cluster demo lab incident

build: ## one static binary, the same bytes from the same commit
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o interdict .

test: ## as root, with every real part required; `go test ./...` passes with Go alone
	CGO_ENABLED=0 INTERDICT_REQUIRE=ebpf,lab,elasticsearch $(GO) test -count=1 -skip '^TestMeasure' ./... ./testdata/lab

race:
	$(GO) test -race ./detect/... ./respond/... ./playbooks/... ./sources/archive/... ./sources/replay/... ./ui/...

vet:
	$(GO) vet ./... ./testdata/lab

lint:
	$(GO) run $(GOLANGCI_LINT) run --allow-parallel-runners ./...

generate: ## the sensor's objects; wants clang 14 and libbpf's headers
	$(GO) generate ./sources/ebpf

golden: ## write the pictures and texts that tests compare with
	$(GO) test ./ui ./playbooks . -update

fuzz: ## each fuzz target for FUZZTIME
	@for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-20s} -fuzzminimizetime 10x $$p || exit 1; \
		done; \
	done

bench: bench-sensor bench-esql bench-guide bench-screen bench-respond bench-cluster ## figures as JSON on standard output, judged by ratios to what the same run measured

# Figures to standard output, what go test says to standard error, its exit code kept.
figures = awk '/^{/ { print; fflush(); next } \
	/^Benchmark.* ns\/op/ { for (i = 3; i < NF; i += 2) printf "{\"name\":\"%s\",\"value\":%s,\"unit\":\"%s\"}\n", $$1, $$i, $$(i + 1); next } \
	{ print > "/dev/stderr" }'
bench-%: SHELL = /bin/bash
bench-%: .SHELLFLAGS = -o pipefail -c

bench-sensor:
	@INTERDICT_BENCH=1 $(GO) test -count=1 -timeout 1h -v -run '^TestMeasure' -bench . ./sources/ebpf | $(figures)

bench-esql: ## beside DuckDB and polars where INTERDICT_BENCH_PYTHON, or python3, has them
	@INTERDICT_BENCH=1 $(GO) test -count=1 -timeout 1h -v -run '^TestMeasure' -bench . ./sources/esql/... ./sources/archive ./sources/files | $(figures)

bench-guide: ## INTERDICT_BENCH_ROWS: events in the archive; INTERDICT_BENCH_CLUSTER: in a node of Elasticsearch
	@INTERDICT_BENCH=1 $(GO) test -count=1 -timeout 1h -v -run '^TestMeasure' ./playbooks | $(figures)

bench-screen:
	@INTERDICT_BENCH=1 $(GO) test -count=1 -timeout 1h -v -run '^TestMeasure' -skip '^TestMeasure(Respond|Cluster)' . | $(figures)
	@$(GO) test -count=1 -run '^$$' -bench . ./ui/... ./detect | $(figures)

bench-triage: ## a day of 500 hosts with 20 thefts: SEED=n makes another; FROM="FILE…" judges recorded days, RULE="FILE…" compares rules
	@INTERDICT_BENCH=1 SEED=$(SEED) FROM="$(abspath $(FROM))" RULE="$(abspath $(RULE))" $(GO) test -count=1 -timeout 1h -v -run '^TestMeasure(Triage|Counting)' ./detect | $(figures)

bench-respond: ## beside pssh where it is there; HOSTS says how many; and from the key to the last packet, on a host of the lab
	@INTERDICT_BENCH=1 $(GO) test -count=1 -timeout 1h -v -run '^TestMeasureRespond' . | $(figures)
	@INTERDICT_BENCH=1 $(GO) test -count=1 -timeout 1h -v -run '^TestMeasure' ./respond/ssh | $(figures)

bench-cluster: ## over a node of its own; INTERDICT_BENCH_EVENTS, _SPOOL, _RATE, _SECONDS and _ALERTS are its sizes; from an execution to its alert
	@INTERDICT_BENCH=1 $(GO) test -count=1 -timeout 1h -v -run '^TestMeasureCluster' . | $(figures)
	@INTERDICT_BENCH=1 $(GO) test -count=1 -timeout 1h -v -run '^TestMeasure' ./sources/elasticsearch | $(figures)

demo: build ## the recorded incident
	./interdict --demo

lab: ## real hosts to try things on, as root, until Ctrl-C
	$(GO) run testdata/lab/up.go

incident: ## record the bundled incident anew, in the lab, as root
	$(GO) run testdata/lab/record.go sources/replay/incident.ndjson.gz
