#!/usr/bin/env bash
# Checks the words of all texts: spelling by codespell, and the phrases of scripts/banned-phrases.txt.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

list=scripts/banned-phrases.txt
# Words of Swift, time zones, names and abbreviations.
known=inout,inflight,upto,keypair,ist,hart
status=0

# Tests misspell on purpose, data and lists of names aren't prose.
mapfile -t texts < <(git ls-files | grep -vE '\.(png|csv|json|ndjson|pem|db|ico)$|^scripts/(moto|trap)-exceptions|^scripts/banned-')
if command -v codespell >/dev/null; then
  printf '%s\n' "${texts[@]}" | grep -v '^Tests/' | xargs codespell -q3 --ignore-words-list="$known" >&2 || status=1
else
  echo "codespell is missing: scripts/setup.sh --tests installs it" >&2
  status=1
fi

mapfile -t lines < <(grep -vE '^(#|$)' "$list")
patterns=()
for line in "${lines[@]}"; do
  [[ $line == "except "* ]] && continue
  if [[ $line != *" → "* ]]; then
    echo "$list: write 'pattern → what to write instead': $line" >&2
    exit 1
  fi
  patterns+=("${line%% → *}")
done
every=$(IFS='|' && echo "${patterns[*]}")

found=$(mktemp)
trap 'rm -f "$found"' EXIT
printf '%s\n' "${texts[@]}" | xargs grep -nHPi "$every" >"$found" || true

used=()
while IFS= read -r hit; do
  path=${hit%%:*}
  for index in "${!lines[@]}"; do
    line=${lines[index]}
    if [[ $line == "except $path: "* && $hit == *"${line#"except $path: "}"* ]]; then
      used[index]=1
      continue 2
    fi
  done
  status=1
  for line in "${lines[@]}"; do
    [[ $line == "except "* ]] && continue
    if grep -qPi "${line%% → *}" <<<"$hit"; then echo "$hit → ${line##* → }" >&2; fi
  done
done <"$found"
for index in "${!lines[@]}"; do
  if [[ ${lines[index]} == "except "* && -z ${used[index]-} ]]; then
    echo "$list: no line needs this exception: ${lines[index]}" >&2
    status=1
  fi
done
exit "$status"
