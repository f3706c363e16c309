#!/usr/bin/env bash
# Checks scripts/pairs: each task's targets by another way than it makes them.
#   pairs_test.sh SCRIPT
# Exit code 0: all is as it should be; 1: it says what is not.
set -u
source "$(dirname -- "${BASH_SOURCE[0]}")/checks.sh"

pairs=$(realpath "${1:?which script?}")
home=$(mktemp -d) || exit 1
trap 'rm -rf "$home"' EXIT
cd "$home" || exit 1

# words COMMAND...: every line of the source through a command that reads a word a line.
words() {
  while read -r line; do
    tr ' ' '\n' <<<"$line" | "$@" | paste -s -d ' ' -
  done <x.source
}

sums() {
  sed 's/ + / /' x.source | awk '{
    carry = 0
    line = ""
    for (i = 1; i <= NF / 2; ++i) {
      sum = $i + $(i + NF / 2) + carry
      line = line sum % 10 " "
      carry = int(sum / 10)
    }
    print line carry
  }'
}

recalled() {
  awk '{
    for (i = 1; $i != "?"; i += 2) number[$i] = $(i + 1)
    line = ""
    for (++i; i <= NF; ++i) line = line " " $i " " number[$i]
    print substr(line, 2)
  }' x.source
}

# makes TASK COMMAND...: the targets are what the command prints of the sources.
makes() {
  check "$1" "$pairs" "$1" 40 3 8 5 x
  check "$1: targets" is "$("${@:2}")" "$(<x.target)"
  check "$1: as many lines" is "$(awk 'END { print NR }' x.source)" 40
}

# The shortest and the longest line.
lengths() { awk 'NR == 1 || NF < least { least = NF } NF > most { most = NF } END { print least, most }' "$1"; }

makes copy cat x.source
check "all lengths are there" is "$(lengths x.source)" "3 8"
makes repeats cat x.source
check "repeats: three words" is "$(words cat | tr ' ' '\n' | sort -u | paste -s -d ' ' -)" "0 1 2"
makes distinct cat x.source
check "distinct: no number twice" is "$(words sort -n -u | awk '{ print NF }')" \
  "$(awk '{ print NF }' x.source)"
makes reversal words sed '1!G;h;$!d'
makes sorting words sort -n
makes addition sums
makes recall recalled
makes needle sed 's/.*? \([0-9]\).*/\1/' x.source

"$pairs" copy 40 3 8 6 y
check "another seed, other lines" not cmp -s x.source y.source
"$pairs" copy 40 3 8 5 x && "$pairs" copy 40 3 8 5 y
check "the same seed, the same lines" cmp x.source y.source
check "the same on every machine" is "$(head -n 2 x.source | paste -s -d '|' -)" "21 0 22|47 28 49 15 35 22 40 45"
for wrong in "flying 1 1 1 1" "copy 1 0 1 1" "copy 1 3 2 1" "distinct 1 1 51 1" "recall 1 1 27 1" copy; do
  # shellcheck disable=SC2086
  check "refused: $wrong" not "$pairs" $wrong wrong 2>message
  check "$wrong: it says what is wrong" grep -Eq 'expected 1 to|is none of copy|usage' message
  check "$wrong: nothing written" not test -e wrong.source
done

summary pairs
