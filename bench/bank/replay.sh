#!/usr/bin/env bash
# Replays real bank transactions through four replicas on this machine and
# compares every final balance with one that awk computes from the source file
# alone, by none of our code.
#
# Input: a CSV with the columns transaction_id, account_id, date, direction,
# operation, amount_haler, purpose, partner_bank, partner_account, by the
# variable QUORATE_BANK_CSV or in ../shared/data beside the repository. Without
# one it says so and ends with 0. BIN is the folder of the binaries, bin without
# it.
#
# As double entry each row is one transfer between the customer's account and a
# counter-account: cash, interest, fees, or one clearing account per partner
# bank. A credit debits the counter-account, a debit credits it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
csv=${QUORATE_BANK_CSV:-../shared/data/czech-bank-1993.csv}
bin=${BIN:-bin}
if [ ! -r "$csv" ]; then
    echo "replay-bank: skipped: no $csv; name the file with QUORATE_BANK_CSV"
    exit 0
fi

port=${QUORATE_BANK_PORT:-0}
# The replica refuses variables of its prefix that are no settings, and these
# four run with the settings of their files alone.
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
            tail -n 10 "$work/c/node-$i.log" 2>/dev/null || true
        done
    fi
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

# 1. The source as transfers. Ids of counter-accounts are far above customers'.
awk -F, '
function counter(op, purpose, bank) {
    if (op ~ /^remittance/) return 900000100 + index("ABCDEFGHIJKLMNOPQRSTUVWXYZ", substr(bank, 1, 1))
    if (purpose == "interest" || purpose == "penalty_interest") return 900000002
    if (purpose == "statement_fee" || op == "interest_or_fee") return 900000003
    return 900000001
}
NR == 1 { print "id,debit_account_id,credit_account_id,amount"; next }
$4 == "credit" { print $1 "," counter($5, $7, $8) "," $2 "," $6; next }
$4 == "debit"  { print $1 "," $2 "," counter($5, $7, $8) "," $6; next }
{ print "line " NR ": neither credit nor debit" > "/dev/stderr"; exit 1 }
' "$csv" >"$work/transfers.csv"

# 2. What must come out: id, debits and credits of every account. Customers come
# from the source, not from what step 1 made of it.
awk -F, '
FNR == 1 { file++; next }
file == 1 && $4 == "credit" { credits[$2] += $6; debits[$2] += 0 }
file == 1 && $4 == "debit"  { debits[$2] += $6; credits[$2] += 0 }
file == 2 {
    if ($2 > 900000000) { debits[$2] += $4; credits[$2] += 0 }
    if ($3 > 900000000) { credits[$3] += $4; debits[$3] += 0 }
}
END { for (a in debits) printf "%s,%.0f,%.0f\n", a, debits[a], credits[a] }
' "$csv" "$work/transfers.csv" | sort -t, -k1,1n >"$work/want.csv"

# 3. Four replicas on the first free ports.
if [ "$port" -eq 0 ]; then
    for ((port = 12000 + $$ * 13 % 18000; ; port += 16)); do
        free=1
        for ((i = 0; i < 12; i++)); do
            if (exec 3<>"/dev/tcp/127.0.0.1/$((port + i))") 2>/dev/null; then free=0; fi
        done
        [ "$free" -eq 0 ] || break
    done
fi
"$bin/replica" init --dir "$work/c" --clients 1 --ledgers 203:CZK:2 --base-port "$port" --metrics-port "$((port + 8))" >/dev/null
for i in 0 1 2 3; do
    "$bin/replica" start --dir "$work/c/node-$i" 2>"$work/c/node-$i.log" &
    pids+=($!)
done
"$bin/replica" status --dir "$work/c" --wait all --timeout 60s >/dev/null

# 4. The replay, with its own audit.
"$bin/loadgen" replay --dir "$work/c" --file "$work/transfers.csv" --create-accounts --balances "$work/balances.csv" --batch 1000

# 5. The comparison.
awk -F, 'NR > 1 { if ($3 != 0 || $5 != 0) print "pending amounts: " $0; print $1 "," $4 "," $6 }' "$work/balances.csv" | sort -t, -k1,1n >"$work/got.csv"
if ! diff "$work/want.csv" "$work/got.csv" >"$work/diff"; then
    echo "replay-bank: balances differ (<: computed from the source, >: the ledger):"
    head -n 20 "$work/diff"
    exit 1
fi

# 6. The figures that the source's README gives, when it is that file.
awk -F, -v name="$(basename "$csv")" '
$1 < 900000000 {
    customers++
    debits += $2; credits += $3
    left = $3 - $2
    if (customers == 1 || left < lowest) lowest = left
    balance[$1] = left
}
{ all_debits += $2; all_credits += $3; accounts++ }
function same(what, got, want) {
    if (got != want) { printf "replay-bank: %s is %.0f, its README says %.0f\n", what, got, want; bad = 1 }
}
END {
    if (all_debits != all_credits) { print "replay-bank: debits are not credits"; bad = 1 }
    if (name == "czech-bank-1993.csv") {
        same("number of customers", customers, 1178)
        same("credits to customers", credits, 15366137470)
        same("debits of customers", debits, 11509350720)
        same("balance of 2378", balance[2378], 4120410)
        same("balance of 576", balance[576], 1590620)
        same("balance of 704", balance[704], 4177290)
        same("lowest balance", lowest, -281000)
    }
    if (bad) exit 1
    printf "replay-bank: all %d balances are as computed from the source: %d customers, credits %.0f, debits %.0f, lowest %.0f\n", accounts, customers, credits, debits, lowest
}' "$work/got.csv"
