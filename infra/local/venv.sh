#!/usr/bin/env bash
# Makes the virtual environment from the lock file, every package checked by its hash.
# The stamp is written last: an interrupted run is simply done again. Of two runs at once the second finds it done.
set -euo pipefail
python=$1 venv=$2
stamp="$venv/.ready"

wanted=$(cat requirements.lock pyproject.toml | sha256sum)
if [ -x "$venv/bin/python" ] && "$venv/bin/python" -c '' 2>/dev/null && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    touch "$stamp"
    exit 0
fi

command -v "$python" > /dev/null || { echo "Python 3.11 or later is needed and $python is not there; install it or give PYTHON=…" >&2; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Python 3.11 or later is needed; $python is $("$python" -V 2>&1). Give another one: make PYTHON=python3.12" >&2
    exit 1
}
# Debian keeps the parts that make an environment in a package of its own.
if ! "$python" -c 'import ensurepip' 2> /dev/null; then
    package="$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        apt-get install -y -qq "$package" > /dev/null 2>&1 || { apt-get update -qq; apt-get install -y -qq "$package" > /dev/null; }
    else
        echo "$python cannot make an environment: install the package $package" >&2
        exit 1
    fi
fi

echo "Making $venv (once; some minutes, most of them for fetching) …"
rm -f "$stamp"
"$venv/bin/python" -c '' 2> /dev/null || "$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
echo "$wanted" > "$stamp"
