#!/usr/bin/env bash
# What the tests drive that is not ours comes from Debian: a browser, a relay, a token in software, judges of DICOM
# files, a reader of PDF, another PostgreSQL. Installed at once when missing and allowed; else the tests that need one
# of them fail or are passed over, each with the same words.
set -euo pipefail

missing=()
command -v chromium > /dev/null || command -v chromium-browser > /dev/null || missing+=(chromium)
command -v turnserver > /dev/null || missing+=(coturn)
[ -e /usr/lib/softhsm/libsofthsm2.so ] || missing+=(softhsm2)
command -v dcmdump > /dev/null || missing+=(dcmtk)
command -v dciodvfy > /dev/null || missing+=(dicom3tools)
command -v pdftotext > /dev/null || missing+=(poppler-utils)
compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null || missing+=(postgresql)
command -v cc > /dev/null && [ -e /usr/include/stdint.h ] || missing+=(gcc libc6-dev)
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo "Installing the Debian packages ${missing[*]} (once) …"
    export DEBIAN_FRONTEND=noninteractive
    install() { apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null 2>&1; }
    install && exit 0
    apt-get update -qq > /dev/null 2>&1 && install && exit 0
fi
echo "Tests will miss ${missing[*]}: apt-get install ${missing[*]}" >&2
