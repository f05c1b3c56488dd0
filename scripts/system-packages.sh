#!/bin/sh
# Debian packages that some tests want: a browser, which opens the scorecard's page, and PostgreSQL, which can hold the
# service's data. Without them those tests skip and say why.
set -eu

has_postgres() {
    command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}

# install PACKAGE "what is skipped without it"
install() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "No $1 here: $2 will be skipped (apt-get install $1)."
        return
    fi
    echo "Installing $1 for $2 ..."
    export DEBIAN_FRONTEND=noninteractive
    if apt-get update -qq && apt-get install -y -qq --no-install-recommends "$1" >/dev/null; then
        return
    fi
    echo "$1 could not be installed: $2 will be skipped."
}

command -v chromium >/dev/null 2>&1 || install chromium "tests of the console and of the scorecard's page"
has_postgres || install postgresql "tests on PostgreSQL"
