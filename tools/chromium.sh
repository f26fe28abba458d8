#!/bin/sh
# Gets Chromium for the browser tests where it may; where it may not, they skip and this says why.
set -eu

found() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}

install() {
    [ "$(id -u)" = 0 ] && command -v apt-get &&
        apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends chromium
} >/dev/null

found >/dev/null || install ||
    echo "The browser tests need Chromium. On Debian: sudo apt-get install chromium" >&2
