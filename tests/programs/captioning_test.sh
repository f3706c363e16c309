#!/usr/bin/env bash
# Uses examples/captioning on digits that this script makes.
#   captioning_test.sh PROGRAM
# Exit code 0: all is as it should be; 1: not; 77: PROGRAM is not there.
set -u

program=$(realpath -m "${1:?which program?}")
if [[ ! -x $program ]]; then
  echo "skipped: there is no $program"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

failed=0
fail() { echo "FAILED: $*" && failed=1; }

# bytes NUMBER...: as bytes.
bytes() { printf "$(printf '\\%03o' "$@")"; }
# digit VALUE: 8 x 8 pixels, whose columns are the value's bits between two white rows.
digit() {
  local y x row=()
  for y in 0 1 2 3 4 5 6 7; do
    for x in 0 1 2 3 4 5 6 7; do
      row+=($((y == 0 || y == 7 || ($1 + 1) >> (x / 2) & 1 ? 250 : 0)))
    done
  done
  bytes "${row[@]}"
}
# digits PART COUNT: files in the form of MNIST's.
digits() {
  local i
  { bytes 0 0 8 3 0 0 0 "$2" 0 0 0 8 0 0 0 8 && for ((i = 0; i < $2; ++i)); do digit $((i % 10)); done; } \
    >"data/$1-images-idx3-ubyte"
  { bytes 0 0 8 1 0 0 0 "$2" && for ((i = 0; i < $2; ++i)); do bytes $((i % 10)); done; } \
    >"data/$1-labels-idx1-ubyte"
}
mkdir data
digits train 40
digits t10k 20

learn() {
  "$program" --data data --rounds 2 --canvases 100 --tests 5 "$@" | grep -v 'learned in'
}
learn --model model --picture picture.svg >first.txt || fail "learning ended with $?"
learn --model again >second.txt || fail "learning again ended with $?"
cmp -s model again || fail "the same seed gave another model"
[[ $(grep -c '^  round' first.txt) == 4 ]] || fail "not two rounds without and with the penalty"
awk '/round  1/ { before = $NF } /round  2/ && $NF >= before { exit 1 }' first.txt ||
  fail "the loss did not fall"
[[ $(grep -cE '^ +[1-6]( +[0-9.]+%){4}$' first.txt) == 6 ]] || fail "no table of six lines"
grep -q '<use href="#image"' picture.svg || fail "the picture has no panel"

# A page of one's own, dark on light, in both forms: the same words.
{
  printf 'P5\n# by hand\n64 32\n255\n'
  for ((i = 0; i < 2048; ++i)); do printf "\\$((i / 64 > 8 && i / 64 < 20 && i % 64 / 4 == 5 ? 0 : 377))"; done
} >page.pgm
{
  printf 'P2 64 32 1\n'
  for ((i = 0; i < 2048; ++i)); do echo $((i / 64 > 8 && i / 64 < 20 && i % 64 / 4 == 5 ? 0 : 1)); done
} >page.txt
said=$("$program" --read page.pgm --model model --picture own.svg) || fail "reading ended with $?"
[[ $said =~ ^(zero|one|two|three|four|five|six|seven|eight|nine|drawn) ]] || fail "it said: $said"
[[ $("$program" --read page.txt --model model) == "$(head -n 1 <<<"$said")" ]] ||
  fail "P2 is read otherwise than P5"
[[ -s own.svg ]] || fail "nothing was drawn of one's own picture"
"$program" --data data --rounds 1 --canvases 20 --tests 2 --penalty 0 --alignment sampled >/dev/null ||
  fail "sampled ended with $?"

# refuses WHAT WORDS ARGUMENT...: ends with 2 and a line that has the words.
refuses() {
  local what=$1 words=$2 line status
  shift 2
  line=$("$program" "$@" 2>&1 >/dev/null)
  status=$?
  [[ $status == 2 && $line == captioning:* && $line == *"$words"* && $line != *$'\n'* ]] ||
    fail "$what: $status, $line"
}
refuses "a penalty below 0" "expected a number from 0" --penalty -1
refuses "an unknown alignment" "softmax, sparsemax or sampled" --data data --alignment hard
refuses "a folder without digits" "there is no file train" --data .
refuses "a model where no folder is" "there is no folder nowhere" --data data --model nowhere/model
refuses "a picture that is a folder" "data is a folder" --data data --picture data
refuses "reading without a model" "--model" --read page.pgm
refuses "a picture as model" "page.pgm" --read page.pgm --model page.pgm
refuses "what is no PGM" "not a PGM file" --read model --model model
head -c 900 page.pgm >cut.pgm
refuses "a page that is cut" "is missing" --read cut.pgm --model model
printf 'P5 0 3 255\n' >empty.pgm
refuses "a page without pixels" "expected sides" --read empty.pgm --model model
cp -r data bad
gzip data/train-images-idx3-ubyte
said=$(learn --model zipped 2>&1)
cmp -s model zipped || [[ $said == *"without zlib"* ]] || fail "compressed digits: $said"
head -c 200 bad/train-images-idx3-ubyte >cut && mv cut bad/train-images-idx3-ubyte
refuses "a file that is cut" "its head says" --data bad
gunzip data/train-images-idx3-ubyte.gz
cp data/train-images-idx3-ubyte bad/
cp data/train-images-idx3-ubyte bad/train-labels-idx1-ubyte
refuses "images as labels" "not an idx file of 1 dimensions" --data bad
cp data/t10k-labels-idx1-ubyte bad/train-labels-idx1-ubyte
refuses "too few labels" "20 labels for 40 images" --data bad

exit $failed
