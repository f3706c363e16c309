#!/usr/bin/env bash
# Uses examples/sentiment as its users do, on sentences where one word decides.
#   sentiment_test.sh PROGRAM
# Exit code 0: all is as it should be; 1: it says what is not; 77: PROGRAM is not built.
set -u
source "$(dirname -- "${BASH_SOURCE[0]}")/checks.sh"

program=${1:?which program?}
if [[ ! -x $program ]]; then
  echo "skipped: $program is not built"
  exit 77
fi
home=$(mktemp -d) || exit 1
trap 'rm -rf "$home"' EXIT
cd "$home" || exit 1
err=err

run() { "$program" "$@" >out 2>err </dev/null; }

# fails MESSAGE OPTION...: with code 2 and a message that holds MESSAGE.
fails() {
  run "${@:2}"
  local code=$?
  check "code of ${*:2}" is $code 2
  check "message of ${*:2}" grep -qF -- "$1" err
}

# corpus NAME COUNT SEED: lines of 3 to 9 words, one of which is good, fine, bad or dull.
corpus() {
  awk -v count="$2" -v state="$3" '
    function below(n) { state = state * 16807 % 2147483647; return int(state / 65536) % n }
    BEGIN {
      split("the a film plot actor was is and", fillers, " ")
      split("good fine bad dull", deciding, " ")
      for (i = 0; i < count; ++i) {
        words = 3 + below(7); at = below(words); choice = 1 + below(4)
        line = choice < 3 ? "praise" : "blame"
        for (t = 0; t < words; ++t) line = line " " (t == at ? deciding[choice] : fillers[1 + below(8)])
        print line
      }
    }' >"$1"
}

corpus train.txt 400 1000001
corpus dev.txt 200 2000002
corpus test.txt 100 3000003
data=(--train train.txt --dev dev.txt --test test.txt)
small=("${data[@]}" --embedding 8 --hidden 8 --dropout 0.1 --rate 0.01 --epochs 12)

for pooling in attentive structured mean max last; do
  check "$pooling" run "${small[@]}" --pooling $pooling --hops 2 --save $pooling.model
  check "$pooling: labels test sentences" grep -Eq 'accuracy (9[5-9]|100)' <(tail -n 6 out | head -n 1)
done
check "it shows five sentences" is "$(tail -n 5 out | awk -F '\t' 'NF == 3' | wc -l)" 5

printf 'the plot and the film and an actor was good and is the plot\na dull film and dull it was\n\nnever seen words\n' |
  "$program" --model attentive.model >out 2>err
check "labels of lines" is "$(head -n 2 out | cut -f 1 | paste -s -d ' ')" "praise blame"
check "an opinion a line, of empty ones too" is "$(awk -F '\t' 'NF == 3' out | wc -l)" 4
check "it says where it looked" grep -q "%)" out

run "${small[@]}" --save again.model --hops 2 --pooling structured
check "the same seed, the same model" cmp structured.model again.model

printf 'praise\n' >label.txt
printf '\n \n' >blank.txt
printf 'praise a\nblame b\n' >two.txt
printf 'praise a\n' >one.txt
printf 'other a\n' >other.txt
fails "'--colour' is unknown; see --help" --colour red
fails "--pooling is 'sum', expected attentive, structured, mean, max or last" --pooling sum
fails "--dropout is '1', expected a number from 0 to less than 1" --dropout 1
fails "--epochs is '0', expected a whole number from 1" --epochs 0
fails "nowhere/model cannot be written: there is no folder nowhere" "${data[@]}" --save nowhere/model
fails ". is a folder; give the name of a file to write" "${data[@]}" --save .
fails "missing.txt: cannot be read" --train missing.txt
fails "label.txt: line 1 is 'praise', expected a label and a text" --train label.txt
fails "blank.txt: all lines are blank" "${data[@]}" --dev blank.txt
fails "one.txt: all labels are 'praise', expected two or more" "${data[@]}" --train one.txt
fails "the label 'other' of 'a' is none of the training file's: blame praise" "${data[@]}" --test other.txt
fails "train.txt" --model train.txt
head -c 3000 attentive.model >cut.model
fails "cut.model" --model cut.model
printf '\0x' | dd of=attentive.model bs=1 seek=$(($(stat -c %s attentive.model) - 9)) conv=notrunc status=none
fails "attentive.model" --model attentive.model

summary sentiment
