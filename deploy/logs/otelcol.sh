#!/usr/bin/env bash
# Builds an OpenTelemetry Collector with what otelcol.yaml needs, as ./otelcol or at
# the path given, with the collector's own builder. go test ./cmd/replica -run
# Shippers runs it over a real log if it is in PATH or named by OTELCOL.
set -euo pipefail
out=$(realpath -m "${1:-otelcol}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/build.yaml" <<YAML
dist: {name: otelcol, description: logs of files and OTLP, output_path: $work/out, version: 0.165.0}
receivers:
  - gomod: github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver v0.165.1
  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver v0.165.0
exporters:
  - gomod: go.opentelemetry.io/collector/exporter/otlphttpexporter v0.165.0
YAML
(cd "$work" && ${GO:-go} run go.opentelemetry.io/collector/cmd/builder@v0.165.0 --config build.yaml)
mv "$work/out/otelcol" "$out"
