#!/usr/bin/env bash
# Uses the examples that make their own data and do nothing but learn: pointing, copying, repeats.
#   learning_test.sh FOLDER
# FOLDER holds the programs. Exit code 0: all is as it should be; 1: it says what is not; 77: one is
# not built.
set -u
source "$(dirname -- "${BASH_SOURCE[0]}")/checks.sh"

folder=${1:?which folder?}
for program in pointing copying repeats; do
  if [[ ! -x $folder/$program ]]; then
    echo "skipped: $folder/$program is not built"
    exit 77
  fi
done
home=$(mktemp -d) || exit 1
trap 'rm -rf "$home"' EXIT
err=$home/err
out=$home/out

run() { "$folder/$1" "${@:2}" >"$out" 2>"$err" </dev/null; }

# fails MESSAGE PROGRAM OPTION...: with code 2, the program's name, and MESSAGE.
fails() {
  run "${@:2}"
  local code=$?
  check "code of ${*:2}" is $code 2
  check "message of ${*:2}" is "$(cat "$err")" "$2: $1"
}

# percent ROW COLUMN: of the last table, the row that begins with these words; columns are the
# numbers with a percent sign.
percent() {
  grep -F -- "$1" "$out" | tail -n 1 | grep -Eo '[0-9.]+%' | sed -n "$2s/%//p"
}
above() { awk -v x="$1" -v least="$2" 'BEGIN { exit !(x != "" && x > least) }'; }
below() { awk -v x="$1" -v most="$2" 'BEGIN { exit !(x != "" && x < most) }'; }

# By chance less than one of a hundred would be right.
check "pointing sorts" run pointing --task sort --examples 3000 --epochs 4
check "five numbers, greedily" above "$(percent '   5  ' 1)" 15
check "five numbers, with a beam" above "$(percent '   5  ' 2)" 15
grep % "$out" >"$home/first"
check "pointing sorts again" run pointing --task sort --examples 3000 --epochs 4
check "the same seed, the same figures" is "$(grep % "$out")" "$(cat "$home/first")"
check "pointing goes round hulls" run pointing --task hull --examples 3000 --epochs 4
check "hulls of five points" above "$(percent '   5  ' 1)" 15

check "copying learns" run copying --examples 1000 --epochs 6
for unknown in 0 1 2 3; do
  check "$unknown unknown names with copying" above "$(percent "   $unknown  " 1)" 90
done
check "no unknown names without copying" above "$(percent '   0  ' 2)" 80
check "unknown names cannot be written without" is "$(percent '   2  ' 2)" 0.0

check "repeats learns" run repeats --examples 1500 --epochs 5
check "content alone does not tell repeats apart" below "$(percent "lambda: k'q / 8  " 1)" 80
check "places do" above "$(percent 'lambda: k'"'"'q / 8 -' 1)" 95
check "and on lines that are longer than any it learned from" above "$(percent 'lambda: k'"'"'q / 8 -' 3)" 90
check "a window moves along" above "$(percent 'the same in a moving window' 3)" 90

for program in pointing copying repeats; do
  check "$program: --help" run $program --help
  check "$program: says how it is used" grep -q "^usage: $program " "$out"
  fails "'--colour' is unknown; see --help" $program --colour red
  fails "--examples is '0', expected a whole number from 1" $program --examples 0
  fails "--epochs is 'many', expected a whole number from 1" $program --epochs many
  fails "--seed is '-1', expected a whole number from 0" $program --seed -1
  fails "--epochs needs a value" $program --examples 10 --epochs
done
fails "--task is 'sum', expected sort or hull" pointing --task sum

summary learning
