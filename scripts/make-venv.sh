#!/bin/sh
# Make .venv with the given Python, or say what is missing.
set -eu
python=${1:-}

if [ -z "$python" ]; then
    echo "walkaround needs Python 3.11 or later, and none was found; install it, or name it: make demo PYTHON=/path/to/python" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$python is $("$python" --version 2>&1), and walkaround needs 3.11 or later; name another: make demo PYTHON=python3.11" >&2
    exit 1
fi
echo "Making .venv with $("$python" --version) ..."
if ! "$python" -m venv .venv; then
    rm -rf .venv
    echo "$python cannot make virtual environments; on Debian and Ubuntu install python3-venv, then run this again." >&2
    exit 1
fi
