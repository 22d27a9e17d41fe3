#!/usr/bin/env bash
# Checks the Prometheus configuration and runs the alerts' unit tests with
# promtool, which comes with Debian's package prometheus. It is installed where
# that is apt-get's business and ours; else the last line says what is missing.
# The package's own server is not wanted and not left running.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/prometheus" || exit 1

install() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 0
    echo "installing prometheus for promtool" >&2
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 # 1: no service is started
    apt-get install -y --no-install-recommends prometheus >/dev/null 2>&1 ||
        { apt-get update >/dev/null 2>&1 && apt-get install -y --no-install-recommends prometheus >/dev/null 2>&1; } ||
        echo "apt-get could not install it" >&2
}

command -v promtool >/dev/null || install
if ! command -v promtool >/dev/null; then
    echo "alerts-test: skipped: there is no promtool (Debian: prometheus)"
    exit 0
fi
bad=0
promtool check config prometheus.yml || bad=1
promtool test rules alerts_test.yml || bad=1
word=passed
[ "$bad" -eq 0 ] || word=FAILED
echo "alerts-test: $(grep -c 'alert:' alerts.yml) alerts, $(grep -c 'record:' rules.yml) recording rules, $(grep -c '^  - name:' alerts_test.yml) scenarios: $word"
exit "$bad"
