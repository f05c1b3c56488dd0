#!/bin/sh
# Debian packages that some tests want: a browser, which opens the scorecard's page. Without it those tests skip and say why.
set -eu

if command -v chromium >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "No chromium here: tests of the scorecard's page will be skipped (apt-get install chromium)."
    exit 0
fi
echo "Installing chromium, which tests of the scorecard's page open ..."
export DEBIAN_FRONTEND=noninteractive
if apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; then
    exit 0
fi
echo "Chromium could not be installed: tests of the scorecard's page will be skipped."
