#!/usr/bin/env bash
# Kafka's jars come by Maven. Nothing is needed when Kafka runs elsewhere or when the jars were fetched before.
set -euo pipefail

jars="${TELEHEALTH_CACHE:-$HOME/.cache/telehealth}/kafka-$(sha256sum < infra/local/kafka/jars.sha256 | cut -c1-12)"
if [ -n "${KAFKA_BOOTSTRAP:-}" ] || [ -d "$jars" ] || command -v mvn > /dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo "Installing the Debian package maven (once) …"
    install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends maven > /dev/null 2>&1; }
    install || { apt-get update -qq; install; } && exit 0
fi
echo "mvn is missing: install the package \`maven\` (Debian: apt-get install maven), or set KAFKA_BOOTSTRAP to a running Kafka." >&2
exit 1
