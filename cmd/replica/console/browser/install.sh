#!/usr/bin/env bash
# Makes ready what the console's browser test needs: Debian's chromium and nodejs,
# and two packages of npm in the versions and with the sums of package-lock.json.
# It installs what is apt-get's business where that is ours, and the packages into
# run/ of the repository. The last two lines say where packages and browser are,
# or the last what is missing, with exit code 3.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
into=$(cd ../../../.. && pwd)/run/console-browser

apt() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 0
    echo "installing $*" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1 ||
        { apt-get update >/dev/null 2>&1 && apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1; } ||
        echo "apt-get could not install $*" >&2
}

browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

browser >/dev/null || apt chromium fonts-dejavu-core
command -v npm >/dev/null || apt nodejs npm
if ! browser >/dev/null; then
    echo "skipped: there is no chromium (Debian: chromium)"
    exit 3
fi
if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then
    echo "skipped: there is no npm with node 20 or newer (Debian: nodejs npm)"
    exit 3
fi
if ! cmp -s package-lock.json "$into/installed"; then
    mkdir -p "$into" && cp package.json package-lock.json "$into/" || exit 1
    if ! (cd "$into" && npm ci --no-audit --no-fund --ignore-scripts >/dev/null 2>npm.log); then
        echo "skipped: npm cannot get playwright-core and axe-core: $(tail -n 1 "$into/npm.log")"
        exit 3
    fi
    cp package-lock.json "$into/installed"
fi
echo "$into"
browser
