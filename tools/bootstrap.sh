#!/bin/sh
# Makes .tools with uv in it, from nothing but Python. PYTHON says which Python to take.
set -eu

needs() {
    echo "$1" >&2
    echo "On Debian or Ubuntu: apt-get install python3 python3-venv" >&2
    exit 1
}

recent_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

found=
for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if recent_enough "$python"; then
        found=$python
        break
    fi
done

[ -n "$found" ] || needs "Convene needs Python 3.11 or newer."
"$found" -c 'import ensurepip, venv' 2>/dev/null || needs "This Python cannot make environments."

"$found" -m venv --clear .tools
.tools/bin/python -m pip --disable-pip-version-check install \
    --quiet --require-hashes --requirement requirements/uv.txt
