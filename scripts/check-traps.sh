#!/usr/bin/env bash
# Refuses, in all modules except Numbers, the forms that stop the process for some value:
#   stop      abs, as!, try!, an optional's '!' after a call, fatalError, precondition, preconditionFailure
#   double    Int(…) and Int64(…) whose argument shows that it is a Double
#   narrow    Int32(…), UInt8(…), UInt(…) and the like without a label, of what isn't a literal or a constant of C
# Numbers from outside go through Sources/Numbers instead. What is proven to fit stands in scripts/trap-exceptions.txt, a
# line each: 'path: code — reason'; a line that no longer fits any code is an error, too.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

exceptions=scripts/trap-exceptions.txt
integers='(?:Int8|Int16|Int32|UInt8|UInt16|UInt32|UInt64|UInt)'
# A label, a literal, and names that C headers define.
known='(?!\w+: )(?!-?[0-9][0-9_xA-Fa-f]*\))(?!(?:[A-Z][A-Z0-9_]+(?:\.rawValue)?(?: \| )?)+\))(?!\))'
stop='(?<![\w.])(?:abs|fatalError|precondition|preconditionFailure)\(|\b(?:as|try)!|\)!(?!=)|\bunsafelyUnwrapped\b'
double='(?<![\w.])U?Int(?:64)?\((?!\w+: )[^"]*(?:rounded\(|\bDouble\(|\* 1e|/ 1e|[0-9]\.[0-9]|\bscaled?\b|\bspan\b)'
narrow="(?<![\\w.])$integers\\($known"

found=$(mktemp)
trap 'rm -f "$found"' EXIT
find Sources -name '*.swift' -not -path 'Sources/Numbers/*' -print0 | sort -z \
  | xargs -0 grep -nHP "$stop|$double|$narrow" | grep -vP '^[^:]+:\d+:\s*//' >"$found" || true

awk -v exceptions="$exceptions" '
  BEGIN {
    while ((getline line < exceptions) > 0) {
      number++
      if (line ~ /^#/ || line == "") continue
      colon = index(line, ": ")
      dash = index(line, " — ")
      if (!colon || dash < colon) {
        printf "%s:%d: write \"path: code — reason\"\n", exceptions, number
        bad = 1
        continue
      }
      count++
      path[count] = substr(line, 1, colon - 1)
      code[count] = substr(line, colon + 2, dash - colon - 2)
      place[count] = number
    }
  }
  {
    split($0, parts, ":")
    proven = 0
    for (i = 1; i <= count; i++)
      if (path[i] == parts[1] && index($0, code[i])) proven = used[i] = 1
    if (!proven) {
      print
      bad = 1
    }
  }
  END {
    for (i = 1; i <= count; i++)
      if (!used[i]) {
        printf "%s:%d: %s has no such code any more: %s\n", exceptions, place[i], path[i], code[i]
        bad = 1
      }
    if (bad) print "These forms stop the process for some value: use Sources/Numbers, or prove them in " exceptions
    exit bad
  }' "$found" >&2
