# What the tests of programs count and say; they read this file before they go elsewhere.

checks=0 failures=0

# check WHAT COMMAND...: the command must succeed. If not, and there is a file $err, it is shown.
check() {
  local what=$1
  shift
  checks=$((checks + 1))
  "$@" && return
  failures=$((failures + 1))
  printf 'FAILED: %s\n' "$what"
  [[ -z ${err:-} ]] || sed 's/^/    /' "$err" | head -n 5
}

is() { [[ $1 == "$2" ]] || { printf '  got      %s\n  expected %s\n' "$1" "$2" && false; }; }
not() { ! "$@"; }

# summary NAME: says how many checks passed, and whether all did.
summary() {
  echo "$1: $((checks - failures)) of $checks checks passed"
  ((failures == 0))
}
