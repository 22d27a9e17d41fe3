#!/bin/sh
# Disk faults on what real replicas leave behind: `make diskfaults`.
#
# 1. Four replica processes under load, stopped by SIGTERM and by kill -9, leave
#    their directories, with a copy from the middle of the run.
# 2. Package sim/disks damages one replica's files, fault by fault, and runs it
#    among the three others in one process; EVERY=n takes one of n faults.
# 3. Genesis, keys and configuration are damaged (cmd/replica).
# 4. A sample on real processes: a rolled-back replica, flipped bits, and EIO and
#    ENOSPC from the kernel through strace.
# It ends with one line of figures and fails when anything was silent.
set -u
go=${GO:-go}
every=${EVERY:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

step() {
	"$@" >"$work/out" 2>&1 || { failed=1; grep -E 'silent: |FAIL|panic|_test.go' "$work/out" | head -60; }
	grep -E '^(FILE|[a-zA-Z]+ +(flip|zero|truncate|swap|misdirect|rollback|remove|other))' "$work/out"
	grep -E '^(--- SKIP| +[a-z_]+test.go:[0-9]+: .*strace)' "$work/out"
	grep -E '^[a-z ]+: [0-9]+ faults, ' "$work/out" | tee -a "$work/lines"
}

step "$go" test ./cmd/replica/e2e -v -count=1 -timeout 0 -run TestMakeBeds -e2e.beds "$work"
step "$go" test ./sim/disks -v -count=1 -timeout 0 -run TestDamage -disks.full -disks.every "$every" -disks.beds "$work/sigterm,$work/kill9"
step "$go" test ./cmd/replica -v -count=1 -timeout 0 -run TestDamagedStartFiles -damage.full
step "$go" test ./cmd/replica/e2e -v -count=1 -timeout 0 -run 'TestRolledBackReplica|TestDamagedProcess|TestDiskErrors|TestDiskFull|TestDiskLow' -e2e.diskfaults

awk '{ for (i = 1; i <= NF; i++) { v = $(i + 1) + 0
	if ($(i + 1) == "faults,") n += $i
	if ($i == "repaired") a += v
	if ($i == "detected") b += v
	if ($i == "harmless") c += v
	if ($i == "silent") d += v } }
	END { printf "diskfaults: %d faults, repaired %d, detected %d, harmless %d, silent %d\n", n, a, b, c, d; exit (d > 0 || n == 0) }' "$work/lines" || failed=1
exit $failed
