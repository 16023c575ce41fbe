#!/usr/bin/env bash
# Is compose.yaml what Compose takes? Needs no engine: the plugin, the program, or Debian's package, whichever is
# there; the package is fetched through the machine's own apt sources and unpacked, not installed.
set -euo pipefail
cd "$(dirname "$0")"

if docker compose version >/dev/null 2>&1; then
  compose=(docker compose)
elif command -v docker-compose >/dev/null; then
  compose=(docker-compose)
else
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  archive=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -1 | tr -d ' ' || true)
  echo "deb [signed-by=$keyring] $archive forky main" >"$work/sources.list"
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  cat >"$work/apt.conf" <<CONF
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "-";
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
#clear APT::Update::Post-Invoke;
APT::Sandbox::User "root";
CONF
  (cd "$work" && apt-get -qq -c apt.conf update && apt-get -qq -c apt.conf download docker-compose)
  dpkg-deb -x "$work"/docker-compose_*.deb "$work/root"
  compose=("$(find "$work/root" -type f -name docker-compose -perm -u+x | head -1)")
fi

"${compose[@]}" version
"${compose[@]}" -f compose.yaml config -q && echo 'compose.yaml is valid'
