#!/bin/sh
# Gets Chromium for the browser tests where it may; where it may not, they skip and this says why.
set -eu

for browser in chromium chromium-browser google-chrome; do
    if command -v "$browser" >/dev/null; then
        exit 0
    fi
done

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends chromium
else
    echo "The browser tests need Chromium. On Debian: sudo apt-get install chromium" >&2
fi
