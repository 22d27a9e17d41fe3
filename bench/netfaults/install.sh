#!/bin/sh
# Installs ip, tc and nft where that is apt-get's business and ours: as root on
# Debian and its kin. Ends with 0 whatever comes of it: netfaults itself says what
# is missing, and skips.
set -u
for tool in ip tc nft; do
    command -v "$tool" >/dev/null || missing=1
done
[ "${missing:-0}" -eq 1 ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    exit 0
fi
echo "installing iproute2 and nftables" >&2
apt-get install -y --no-install-recommends iproute2 nftables >/dev/null 2>&1 ||
    { apt-get update >/dev/null 2>&1 && apt-get install -y --no-install-recommends iproute2 nftables >/dev/null 2>&1; } ||
    echo "apt-get could not install them" >&2
exit 0
