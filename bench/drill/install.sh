#!/usr/bin/env bash
# Fetches what the drills of deploy/ need, where that is apt-get's business and
# ours: Debian's prometheus (its own server is not started), nftables and strace.
# Ends with 0 whatever comes of it: the drill itself says what is missing.
set -u
missing=()
command -v prometheus >/dev/null || missing+=(prometheus)
command -v nft >/dev/null || missing+=(nftables)
command -v strace >/dev/null || missing+=(strace)
[ "${#missing[@]}" -gt 0 ] || exit 0
[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || exit 0
echo "installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 # 1: no service is started
apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
    { apt-get update >/dev/null 2>&1 && apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1; } ||
    echo "apt-get could not install them" >&2
exit 0
