#!/usr/bin/env bash
# Drives payments that are signed one by one through four replicas on this
# machine, as fast as they take them, and audits. The payments are signed before
# the clock starts: in the field payers sign on machines of their own.
#
# BIN is the folder of the binaries; SECS the length of the load, PAYERS the number
# of keys, each with an account that only it debits, PROFILE the settings of the
# replicas. The last line has the figures; the exit code is that of the run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bin=${BIN:-bin}
secs=${SECS:-60}
payers=${PAYERS:-10000}
profile=${PROFILE:-throughput}
# The replica refuses variables of its prefix that are no settings.
unset "${!QUORATE_@}"

work=$(mktemp -d)
pids=()
finish() {
    local code=$?
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    if [ "$code" -ne 0 ]; then
        for i in 0 1 2 3; do
            echo "== log of replica $i ends with:"
            tail -n 5 "$work/c/node-$i.log" 2>/dev/null || true
        done
    fi
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

for ((port = 12000 + $$ * 13 % 18000; ; port += 16)); do
    free=1
    for ((i = 0; i < 12; i++)); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$((port + i))") 2>/dev/null; then free=0; fi
    done
    [ "$free" -eq 0 ] || break
done
"$bin/replica" init --dir "$work/c" --clients 8 --profile "$profile" --base-port "$port" --metrics-port "$((port + 8))" >/dev/null
for i in 0 1 2 3; do
    "$bin/replica" start --dir "$work/c/node-$i" 2>"$work/c/node-$i.log" &
    pids+=($!)
done
"$bin/replica" status --dir "$work/c" --wait all --timeout 60s >/dev/null

# cpu gives the CPU seconds that the replicas have used, in hundredths.
cpu() {
    local sum=0 fields
    for pid in "${pids[@]}"; do
        read -ra fields <"/proc/$pid/stat"
        sum=$((sum + fields[13] + fields[14]))
    done
    echo "$sum"
}

# Full requests: with 2,048 payments in each, BLS and frames are paid twice as
# often, and a payment took a fifth more CPU.
before=$(cpu)
code=0
"$bin/loadgen" run --dir "$work/c" --signed --signed-ahead "$((secs * 45000))" --rate max --batch 4679 --clients 4 --in-flight 2 \
    --accounts "$payers" --duration "${secs}s" --warmup "$((secs / 6))s" --audit-max 10000 --out "$work/out" "$@" || code=$?
used=$(($(cpu) - before))
if [ -r "$work/out/result.json" ]; then
    number() { awk -F'[:,]' -v key="\"$1\"" '$1 ~ key { gsub(/ /, "", $2); print $2; exit }' "$work/out/result.json"; }
    awk -v rate="$(number achieved_per_second)" -v p50="$(number p50)" -v p99="$(number p99)" -v acked="$(number acked)" \
        -v late="$(number signed_while_it_ran)" -v resent="$(number Resent)" -v used="$used" -v payers="$payers" 'BEGIN {
        printf "bench-signed: %.0f payments/s of %d payers, each verified by all four replicas; p50 %.0f ms, p99 %.0f ms; %.1f µs of CPU per payment in the four replicas, set-up and audit included; %d requests sent again, %d payments signed while the clock ran\n",
            rate, payers, p50, p99, used * 10000 / acked, resent, late }'
fi
exit "$code"
