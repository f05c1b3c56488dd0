#!/bin/sh
# Make the throw-away environments of other people's clients and servers that tests drive, below .venv-clients/.
#
#   scripts/client-environments.sh [--python FILE] [NAME...]
#
# NAME is old, current, javascript, azurite, tensorflow or litserve; all but the last where none is given. One that stands already,
# with the versions that scripts/clients names, is left as it is; one that cannot be made is said so, and the tests that need it skip.
# Exit code 0 either way.
set -u
cd "$(dirname "$0")/.."
python=.venv/bin/python
if [ "${1:-}" = "--python" ]; then
    python=$2
    shift 2
fi
[ $# -gt 0 ] || set -- old current javascript azurite tensorflow

fresh() { # of $folder: stands as $wanted says
    [ -f "$folder/.made" ] && cmp -s "$wanted" "$folder/.made"
}

make_python() {
    "$python" -m venv "$folder" && "$folder/bin/python" -m pip install -q -q --disable-pip-version-check --no-deps --no-compile -r "$wanted"
}

make_node() {
    mkdir -p "$folder" && cp "scripts/clients/$name"/*.json "$folder" &&
        (cd "$folder" && npm ci --silent --no-audit --no-fund --ignore-scripts)
}

mkdir -p .venv-clients
for name in "$@"; do
    folder=.venv-clients/$name
    wanted=scripts/clients/$name.txt
    make=make_python
    if [ -d "scripts/clients/$name" ]; then
        wanted=scripts/clients/$name/package-lock.json
        make=make_node
    fi
    fresh && continue
    echo "Making the environment $folder ..."
    rm -rf "$folder"
    if $make; then
        cp "$wanted" "$folder/.made"
    else
        rm -rf "$folder"
        echo "The environment '$name' could not be made; the tests that need it will be skipped." >&2
    fi
done
