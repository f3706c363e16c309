#!/usr/bin/env bash
# Uses examples/translator as its users do, on a language of eight words that is translated by
# reversing it.
#   translator_test.sh PROGRAM PART     PART: determinism, resume, choices, translate, evaluate,
#                                       errors or terminal
# Exit code 0: all is as it should be; 1: it says what is not; 77: PROGRAM is not built.
set -u
source "$(dirname -- "${BASH_SOURCE[0]}")/checks.sh"

program=${1:?which program?}
part=${2:?which part?}
if [[ ! -x $program ]]; then
  echo "skipped: $program is not built"
  exit 77
fi
home=$(mktemp -d) || exit 1
trap 'rm -rf "$home"' EXIT
out=$home/out err=$home/err
mkdir "$home/work" && cd "$home/work" || exit 1

lines() { awk 'END { print NR }' "$1"; }
run() { "$program" "$@" >"$out" 2>"$err" </dev/null; }
from() { "$program" "${@:2}" >"$out" 2>"$err" <"$1"; }

# corpus NAME COUNT SEED [LONGEST]: NAME.source, and NAME.target with its lines reversed.
corpus() {
  awk -v count="$2" -v state="$3" -v longest="${4:-7}" -v name="$1" '
    function below(n) { state = (state * 1103 + 12345) % 65536; return int(state / 64) % n }
    BEGIN {
      split("eins zwei drei vier für fünf sechs sieben", words, " ")
      for (i = 0; i < count; ++i) {
        source = target = words[1 + below(8)]
        for (length_left = below(longest); length_left > 0; --length_left) {
          word = words[1 + below(8)]
          source = source " " word
          target = word " " target
        }
        print source > (name ".source")
        print target > (name ".target")
      }
    }'
}

small=(--source train.source --target train.target --valid-source valid.source
       --valid-target valid.target --hidden 16 --embed 8 --batch 16 --epochs 3 --min-frequency 1)

# small_unless OPTION...: in $given, those options and, of $small, what is not among them; no --hidden
# where all is a transformer.
small_unless() {
  given=("$@")
  local i known=" $* "
  [[ $known != *"--encoder transformer "*"--decoder transformer "* ]] || known+="--hidden "
  for ((i = 0; i < ${#small[@]}; i += 2)); do
    [[ $known == *" ${small[i]} "* ]] || given+=("${small[@]:i:2}")
  done
}

# train MODEL OPTION...: a few seconds at most.
train() {
  small_unless "${@:2}"
  run train --model "$1" "${given[@]}"
}

has_subwords() { train probe --subwords 30 --epochs 1 || not grep -q libsentencepiece "$err"; }

corpora() {
  corpus train "${1:-200}" 1
  corpus valid 20 7
}

part_determinism() {
  corpora
  for unit in words subwords; do
    local options=()
    if [[ $unit == subwords ]]; then
      has_subwords || { echo "without sub-words: SentencePiece is not built in" && continue; }
      options=(--subwords 30)
    fi
    for threads in 1 2 3; do
      check "$unit, $threads threads: trains" train "$unit$threads" --threads "$threads" \
        ${options[@]+"${options[@]}"}
      check "$unit: $threads threads give the file of 1 thread" cmp "${unit}1" "$unit$threads"
    done
  done
  check "another seed trains" train other --seed 2
  check "another seed gives another file" not cmp -s words1 other
}

# start_training MODEL OPTION...: in the background, saved after each update.
start_training() {
  small_unless "${@:2}"
  "$program" train --model "$1" --checkpoint-seconds 0 "${given[@]}" >"$out" 2>"$err" </dev/null &
  training=$!
}

# await COMMAND...: until it succeeds, half a minute at most.
await() {
  for ((i = 0; i < 3000; ++i)); do
    "$@" && return
    sleep 0.01
  done
  return 1
}

part_resume() {
  corpora
  # It is killed somewhere on its way: early at first, so that it is killed more than once, then
  # later and later, so that it comes to its end, however fast the machine goes.
  local began=${EPOCHREALTIME/./}
  start_training unbroken --epochs 8
  wait "$training"
  check "an unbroken training" is $? 0
  local microseconds=$((${EPOCHREALTIME/./} - began))
  local kills=0 code=137 mode=--overwrite after
  for ((try = 1; try <= 100 && code == 137; ++try)); do
    start_training killed --epochs 8 $mode
    after=$(((RANDOM * 32768 + RANDOM) % (microseconds * (4 + try * try) / 60)))
    sleep "$((after / 1000000)).$(printf '%06d' $((after % 1000000)))"
    kill -KILL "$training" 2>/dev/null && kills=$((kills + 1))
    { wait "$training"; } 2>/dev/null
    code=$?
    [[ -f killed.training ]] && mode=--resume
  done
  echo "killed $kills times"
  check "it was killed at all" [ "$kills" -ge 2 ]
  check "the killed training came to its end" is "$code" 0
  check "a killed training gives the file of an unbroken one" cmp unbroken killed

  start_training left --epochs 8
  await test -f left.training
  kill -INT "$training"
  wait "$training"
  check "Ctrl-C: exit code" is $? 130
  check "Ctrl-C: says how to go on" grep -q -- --resume "$err"
  check "what Ctrl-C left goes on, without the other options" run train --source train.source \
    --target train.target --valid-source valid.source --valid-target valid.target --model left \
    --resume
  check "what Ctrl-C left gives the file of an unbroken training" cmp unbroken left

  check "a finished training is finished" train unbroken --epochs 8 --resume
  check "resuming a finished training changes nothing" cmp unbroken left
  check "more epochs" train left --epochs 10 --resume
  check "ten epochs at once" train ten --epochs 10
  check "eight epochs and two more are ten" cmp_tensors left ten

  # The one update takes a moment, the evaluation of so many sentences seconds.
  corpus valid 200000 7
  start_training evaluated --batch 1000 --epochs 1
  await test -f evaluated.training
  sleep 1
  kill -INT "$training"
  wait "$training"
  check "Ctrl-C during the evaluation: exit code" is $? 130
  check "Ctrl-C during the evaluation: no model" not test -e evaluated
}

# The headers, which hold the recipes, may differ.
cmp_tensors() {
  cmp <(tail -c +$((9 + $(header_length "$1"))) "$1") <(tail -c +$((9 + $(header_length "$2"))) "$2")
}

header_length() { od -An -tu4 -N4 "$1" | tr -d ' '; }

learns_and_translates() {
  check "trains: $*" train model --overwrite --epochs 1 --select perplexity "$@"
  check "translates: $*" from valid.source translate --model model --beam 2
  check "as many lines: $*" is "$(lines "$out")" 5
}

part_choices() {
  corpus train 32 1
  corpus valid 5 7
  for cell in gru lstm rnn; do
    for score in additive dot general concat scaled_dot none; do
      for decoder in bahdanau luong conditional; do
        learns_and_translates --cell $cell --score $score --decoder $decoder
      done
    done
  done
  for score in normalised cosine scaled_general location location_sensitive coverage; do
    learns_and_translates --score $score --decoder luong
  done
  local alignment
  for alignment in sharpened smoothed sparsemax argmax straight_through sampled monotonic \
    monotonic_parallel memory_addressing local_predictive; do
    learns_and_translates --alignment $alignment
  done
  learns_and_translates --alignment sharpened --beta 3
  learns_and_translates --alignment local_predictive --reach 2
  learns_and_translates --alignment sampled --rewards
  learns_and_translates --coverage-loss 1
  learns_and_translates --doubly-stochastic 1
  learns_and_translates --score coverage --alignment monotonic --window local --reach 3
  check "translates: hard" from valid.source translate --model model --hard
  learns_and_translates --decoder luong --input-feeding
  learns_and_translates --maxout
  learns_and_translates --tie-embeddings
  learns_and_translates --layers 2 --dropout 0.2
  learns_and_translates --batch-tokens 50
  learns_and_translates --label-smoothing 0.1 --weight-decay 0.01
  learns_and_translates --embedding-dropout 0.1 --annotation-dropout 0.1 --readout-dropout 0.1
  for schedule in constant plateau step inverse-square-root noam; do
    learns_and_translates --schedule $schedule
  done
  for decoder in transformer conditional; do
    for norm in pre post; do
      learns_and_translates --encoder transformer --decoder $decoder --norm $norm --heads 2
    done
  done
  learns_and_translates --decoder transformer --feed-forward 20 --layers 2 --tie-embeddings
  learns_and_translates --encoder transformer --decoder transformer --activation swiglu \
    --norm-kind rms --positions rotary --heads 4 --key-heads 2 --attention-dropout 0.1
  for positions in relative linear_bias; do
    learns_and_translates --encoder transformer --decoder transformer --heads 2 \
      --positions $positions --relative-clip 3 --soft-cap 20 --self-reach 4
  done
  learns_and_translates --average 3 --beta2 0.98
  check "an epoch's model is a model" run info --model model.epoch-1
  if has_subwords; then
    learns_and_translates --subwords 25 --share-embeddings --tie-embeddings
    learns_and_translates --subwords 25
    learns_and_translates --subwords 25 --separate-subwords
  fi
}

# translate_line TEXT OPTION...
translate_line() { printf '%s\n' "$1" | "$program" translate --model model "${@:2}"; }

well_formed() {
  if command -v xmllint >/dev/null; then
    xmllint --noout "$1" 2>"$err"
  else
    grep -q '<svg' "$1" && grep -q '</svg>' "$1"
  fi
}

translations_of() {
  local unit=$1
  { cat valid.source && printf '\n  \neins unbekannt <unk> zwei\n\n' &&
    awk 'BEGIN { for (i = 0; i < 150; ++i) printf "drei "; print "" }' && printf 'vier'; } >input
  local count
  count=$(lines input)
  for beam in 1 5; do
    check "$unit, beam $beam" from input translate --model model --beam $beam
    cp "$out" output
    check "$unit, beam $beam: as many lines" is "$(lines output)" "$count"
    check "$unit, beam $beam: blank lines stay blank" is \
      "$(sed -n '21p;22p;24p' output | tr '\n' '|')" '|||'
    check "$unit, beam $beam: no unknown symbol" not grep -q '<unk>' output
    check "$unit, beam $beam, 2 threads" from input translate --model model --beam $beam --threads 2
    check "$unit, beam $beam: threads change nothing" cmp "$out" output
    for line in 1 2 11 23; do
      check "$unit, beam $beam: line $line alone is as among others" is \
        "$(translate_line "$(sed -n ${line}p input)" --beam $beam)" "$(sed -n ${line}p output)"
    done
  done

  for precision in bfloat16 int8; do
    check "$unit: $precision" from input translate --model model --precision $precision
    check "$unit, $precision: as many lines" is "$(lines "$out")" "$count"
  done

  check "$unit: n-best" from input translate --model model --n-best 3
  check "$unit: the form of n-best" is "$(grep -Evc '^[0-9]+ \|\|\| .*\|\|\| -?[0-9.]+$' "$out")" 0
  check "$unit: n-best numbers the lines from 0" is \
    "$(cut -d ' ' -f 1 "$out" | uniq | tr '\n' ' ')" "$(seq 0 $((count - 1)) | tr '\n' ' ')"
  check "$unit: the best of n-best is the translation" is \
    "$(grep '^0 ' "$out" | sed -n '1s/^0 ||| \(.*\) ||| .*/\1/p')" "$(head -n 1 output)"

  check "$unit: moses" from input translate --model model --alignments moses
  check "$unit: moses leaves the text" cmp <(sed 's/ ||| [-0-9 ]*$//' "$out") output
  check "$unit: the form of moses" is \
    "$(grep -Evc '\|\|\| ([0-9]+-[0-9]+( [0-9]+-[0-9]+)*)?$' "$out")" 0
  check "$unit: moses has points" grep -Eq '0-[0-9]|[0-9]-0' "$out"
  check "$unit: moses points at words that there are" awk -F ' \\|\\|\\| ' '
    NR == FNR { words[NR] = split($0, ignored, /[ \t]+/); next }
    {
      target = split($1, ignored, " ")
      for (i = split($2, points, " "); i > 0; --i) {
        split(points[i], ends, "-")
        if (ends[1] >= words[FNR] || ends[2] >= target) exit 1
      }
    }' input "$out"

  check "$unit: heat maps" from input translate --model model --alignments heatmap
  check "$unit: heat maps are larger than text" [ "$(lines "$out")" -gt $((3 * count)) ]
  check "$unit: pictures" from input translate --model model --alignments svg "pictures/$unit"
  check "$unit: pictures leave the text" cmp "$out" output
  check "$unit: a picture for each line" is "$(find "pictures/$unit" -name '*.svg' | wc -l | tr -d ' ')" \
    "$count"
  for line in 1 21 23 25; do
    check "$unit: picture $line is well-formed" well_formed "pictures/$unit/$line.svg"
  done
}

bleu() {
  "$program" evaluate --source train.source --target train.source "$@" |
    awk '/BLEU [0-9]/ { print $2 }'
}

copies_of_unknown_words() {
  awk -v state=1 '
    function below(n) { state = (state * 1103 + 12345) % 65536; return int(state / 64) % n }
    BEGIN {
      for (i = 0; i < 400; ++i) {
        line = ""
        for (j = 0; j < 4; ++j) line = line (below(7) ? substr("abcdefgh", 1 + below(8), 1) : "name" i) " "
        print line
      }
    }' >train.source
  head -n 20 train.source >valid.source
  check "a model that knows no names" train copying --target train.source --valid-target valid.source \
    --min-frequency 10 --hidden 32 --embed 32 --epochs 20 --rate 4e-3 --dropout 0 --patience 0 \
    --select perplexity
  check "without --copy-unknown" from valid.source translate --model copying
  check "names are left out" not grep -q name "$out"
  check "--copy-unknown" from valid.source translate --model copying --copy-unknown
  check "names are copied" grep -q name "$out"
  check "no unknown symbol is shown" not grep -q '<unk>' "$out"
  check "--copy-unknown is worth 10 BLEU here" awk -v without="$(bleu --model copying)" \
    -v with="$(bleu --model copying --copy-unknown)" \
    'BEGIN { print "  BLEU " without " without, " with " with copies"; exit !(with > without + 10) }'
}

# While words arrive: as many lines, the same words however they come, and for a K beyond every
# line what greedy search finds.
interpretations() {
  check "wait-k: $1" from valid.source translate --model model --wait-k 2
  check "as many lines" is "$(lines "$out")" "$(lines valid.source)"
  check "it says how far it lagged" grep -Eq 'average lagging [0-9.]+ source words' "$err"
  cp "$out" waited
  check "word by word" slowly valid.source translate --model model --wait-k 2
  check "the same words" cmp waited "$out"
  check "greedy" from valid.source translate --model model --beam 1
  cp "$out" greedy
  check "wait for all" from valid.source translate --model model --wait-k 99
  check "waiting for all is greedy" cmp greedy "$out"
  check "no words" not from /dev/null translate --model model --wait-k 2
  refuses "--wait-k -1" "wait-k is -1" from valid.source translate --model model --wait-k -1
  refuses "--wait-k with --n-best" "goes neither" from valid.source translate --model model \
    --wait-k 2 --n-best 2
}

# A monotonic attention decides for itself when it has heard enough.
monotonic_policy() {
  check "a causal model with a monotonic attention" train reader --encoder causal \
    --alignment monotonic --epochs 2
  check "--policy monotonic" from valid.source translate --model reader --policy monotonic
  check "as many lines" is "$(lines "$out")" "$(lines valid.source)"
  check "it says how far it lagged" grep -Eq 'average lagging [0-9.]+ source words' "$err"
  cp "$out" waited
  check "word by word" slowly valid.source translate --model reader --policy monotonic
  check "the same words" cmp waited "$out"
  check "the causal model waits, too" from valid.source translate --model reader --wait-k 2
  refuses "--policy of a model that reads both ways" "not trained with --encoder causal" \
    from valid.source translate --model model --policy monotonic
  refuses "another --policy" "expected monotonic" from valid.source translate --model reader \
    --policy eager
  refuses "--policy with --wait-k" "leave --policy out" from valid.source translate \
    --model reader --policy monotonic --wait-k 2
}

# slowly FILE COMMAND...: the words of FILE one at a time.
slowly() {
  local file=$1
  shift
  head -n 3 "$file" >few
  while IFS= read -r -n 1 c; do
    printf '%s' "${c:-$'\n'}"
  done <few | "$program" "$@" >"$out" 2>"$err" || return
  head -n 3 waited >few.waited && cp few.waited waited
}

part_translate() {
  corpora
  check "a model" train model
  translations_of words
  copies_of_unknown_words
  interpretations words
  corpora
  monotonic_policy
  if has_subwords; then
    check "a model of sub-words" train model --overwrite --subwords 30
    translations_of sub-words
    interpretations sub-words
  fi
}

part_evaluate() {
  corpora
  check "a model" train a
  check "another" train b --score none
  local test=(--source valid.source --target valid.target)
  check "evaluate" run evaluate --model a "${test[@]}"
  for figure in 'BLEU [0-9]' 'perplexity [0-9.]+ over [0-9]+ target tokens' \
    'word error rate [0-9.]+%, [0-9.]+% of [0-9]+ sources without any error' \
    '[0-9]+ words/s.* in float32' \
    '  1-5 ' '  26\+ '; do
    check "evaluate prints: $figure" grep -Eq "$figure" "$out"
  done
  check "evaluate counts each sentence once" is \
    "$(awk '/^ +[0-9]+(-[0-9]+|\+) / { sum += $2 } END { print sum }' "$out")" 20
  local score
  score=$(grep -Eo 'BLEU [0-9.]+' "$out")
  check "translate, to score" from valid.source translate --model a
  cp "$out" translated
  check "bleu" from translated bleu --target valid.target
  check "bleu is that of evaluate" is "$(grep -Eo 'BLEU [0-9.]+' "$out")" "$score"
  check "bleu of the text itself" from valid.target bleu --target valid.target
  check "bleu of the text itself is 100" grep -q 'BLEU 100.00 ' "$out"
  refuses "bleu of other lines" "has 0 lines, valid.target has 20" \
    from /dev/null bleu --target valid.target
  printf 'eins zwei\neins zwei\n' >alternatives.source
  from alternatives.source translate --model a --beam 5
  { echo "vier vier vier vier vier vier" && head -n 1 "$out"; } >alternatives.target
  check "evaluate, alternatives" run evaluate --model a --source alternatives.source \
    --target alternatives.target
  check "the closest alternative counts" grep -q 'error rate 0.00%, 100.00% of 1 sources' "$out"
  check "evaluate, two models and a chart" run evaluate --model a b "${test[@]}" --chart chart.svg \
    --beam 1
  check "two models, two blocks" is "$(grep -c perplexity "$out")" 2
  check "the chart is well-formed" well_formed chart.svg
  check "the chart names both" is "$(grep -Eo '>(a|b)<' chart.svg | sort -u | wc -l | tr -d ' ')" 2
  check "info" run info --model a
  check "info prints the number of parameters" grep -Eq '[0-9]+ parameters, 11 and 11 words' "$out"
  check "info prints sizes" grep -Eq 'model\..* +[0-9]+ x [0-9]+|[a-z]\.[a-z_.]+ +[0-9]+ x [0-9]+' "$out"
  for command in '' train translate evaluate bleu info; do
    check "help $command" run $command --help
    check "help $command explains each option" not grep -Eq '^ +--[a-z-]+( [A-Z]+)?( \[[^]]*\])? *$' "$out"
  done
}

everything() { find . -type f -exec cksum {} + | sort; }

# refuses WHAT PATTERN OPTION...: exit code 2, one line that matches, nothing written.
refuses() {
  local what=$1 pattern=$2 before
  shift 2
  before=$(everything)
  "$@"
  check "$what: exit code" is $? 2
  check "$what: one line" is "$(lines "$err")" 1
  check "$what: the message matches '$pattern'" grep -Eq -e "$pattern" "$err"
  check "$what: nothing on standard output" is "$(wc -c <"$out" | tr -d ' ')" 0
  check "$what: nothing written" is "$(everything)" "$before"
}

# overwrite FILE OFFSET TEXT (with escapes)
overwrite() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; }

# replace FILE TEXT OTHER: the first, by one of the same length.
replace() {
  local offset
  offset=$(LC_ALL=C grep -abo -m 1 -e "$2" "$1" | head -n 1 | cut -d : -f 1)
  overwrite "$1" "$offset" "$3"
}

refused_options() {
  refuses "no command" subcommand run
  refuses "an unknown command" "expected|subcommand" run fly
  refuses "a missing flag" "--source is required" run train --target train.target --model new
  refuses "no model" "--model is required" run translate
  refuses "an unknown flag" "--fly" train new --fly
  refuses "no number" "--hidden" train new --hidden many
  local option
  while read -r option value pattern; do
    refuses "$option $value" "$option.*$pattern" train new "$option" "$value"
  done <<'OPTIONS'
--cell gur gru, lstm, rnn
--score adaptive additive, concat, cosine, coverage, dot, general, location
--window oriel causal, causal_local, full, local
--alignment crooked argmax, local_predictive, memory_addressing, monotonic, monotonic_parallel, sampled
--reach 0 1 or more
--beta 0 more than 0
--encoder none recurrent, transformer
--decoder none bahdanau, conditional, luong, transformer
--norm none post, pre
--norm-kind none layer, rms
--activation none geglu, gelu, gelu_tanh, glu, reglu, relu, silu, swiglu
--positions near linear_bias, none, relative, rotary, sinusoidal
--relative-clip 0 1 or more
--soft-cap -1 0 or more
--self-reach -1 0 or more
--attention-dropout 1 less than 1
--key-heads -1 0 or more
--heads 0 1 or more
--feed-forward 0 1 or more
--average -1 0 or more
--beta2 1 less than 1
--schedule never constant
--select best bleu or perplexity
--dropout 1.5 less than 1
--dropout nan less than 1
--embedding-dropout -0.5 less than 1
--annotation-dropout 1 less than 1
--readout-dropout 2 less than 1
--label-smoothing 1 less than 1
--coverage-loss -1 0 or more
--doubly-stochastic -1 0 or more
--hidden 0 1 or more
--embed -3 1 or more
--layers 0 1 or more
--threads 0 1 to 1024
--batch 0 1 or more
--batch-tokens -1 0 or more
--shards 0 1 or more
--epochs 0 1 or more
--warmup 0 1 or more
--rate nan 0 or more
--rate -1 0 or more
--clip -1 0 or more
--weight-decay -1 0 or more
--patience -1 0 or more
--min-frequency 0 1 or more
--max-length 1 2 or more
--subwords -1 0 or more
--checkpoint-seconds -1 0 or more
OPTIONS
  refuses "a score of a transformer" "--score general belongs to" train new --decoder transformer \
    --score general
  refuses "positions of a recurrent model" "--positions belongs to a transformer" train new \
    --positions rotary
  refuses "heads of a recurrent model" "--heads belongs to a transformer" train new --heads 2
  local transformer="--encoder transformer --decoder transformer"
  while read -r option value pattern; do
    refuses "$option of a transformer" "$option belongs to $pattern" train new $transformer \
      $option ${value#-}
  done <<'OPTIONS'
--cell lstm a recurrent encoder or decoder
--hidden 32 a recurrent encoder or decoder
--embedding-dropout 0.1 a recurrent encoder or decoder
--annotation-dropout 0.1 a recurrent encoder
--readout-dropout 0.1 a recurrent decoder
--maxout - a recurrent decoder
OPTIONS
  refuses "--reach of the whole source" "--reach belongs to --window local" train new --reach 3
  refuses "--beta of softmax" "--beta belongs to --alignment sharpened" train new --beta 3
  refuses "--input-feeding alone" "--decoder luong" train new --input-feeding
  refuses "--rewards alone" "--alignment sampled" train new --rewards
  refuses "--coverage-loss without a score" "recurrent decoder" train new --score none \
    --coverage-loss 1
  refuses "--doubly-stochastic without a score" "recurrent decoder" train new --score none \
    --doubly-stochastic 1
  refuses "heads that do not share" "--heads" train new --encoder transformer --heads 3
  refuses "key heads that do not share" "--key-heads" train new --encoder transformer --key-heads 3
  refuses "an odd head that turns" "--positions" train new --encoder transformer --heads 8 \
    --positions rotary
  refuses "one embedding for two vocabularies" "--subwords" train new --share-embeddings
  refuses "a --max-length that leaves nothing" "--max-length" train new --max-length 2 \
    --source long.source --target long.target
  refuses "a wrong option beside --overwrite" "--clip" train model --overwrite --clip -1
  refuses "--subwords too few, or not built in" "--subwords|libsentencepiece" train new --subwords 5
  refuses "--beam 0" "--beam is 0" from valid.source translate --model model --beam 0
  refuses "--n-best over --beam" "--n-best is 3" from valid.source translate --model model \
    --beam 2 --n-best 3
  refuses "--alpha -1" "--alpha" from valid.source translate --model model --alpha -1
  refuses "--precision int4" "float32, bfloat16 or int8" from valid.source translate --model model \
    --precision int4
  refuses "translate --threads 0" "--threads" from valid.source translate --model model --threads 0
  refuses "alignments of another kind" "moses, heatmap" from valid.source translate --model model \
    --alignments fast
  refuses "svg without a folder" "folder" from valid.source translate --model model --alignments svg
  refuses "svg to a file" "folder|directory" from valid.source translate --model model \
    --alignments svg valid.source
  refuses "alignments without attention" "no attention" from valid.source translate --model plain \
    --alignments moses
  refuses "--copy-unknown without attention" "--copy-unknown" from valid.source translate \
    --model plain --copy-unknown
  refuses "--hard where nothing is monotonic" "--hard" from valid.source translate --model model --hard
  refuses "evaluate --beam 0" "--beam" run evaluate --model model --source valid.source \
    --target valid.target --beam 0
}

refused_texts() {
  : >empty
  printf 'eins\nzw\xffei\n' >latin
  printf 'eins\n' >one
  mkdir folder
  refuses "a missing file" "absent: .*No such file" train new --source absent
  refuses "a folder as text" "folder: .*directory" train new --target folder
  refuses "an empty text" "empty: .*empty" train new --valid-source empty
  refuses "unequal line counts" "train.source has 60 lines but one has 1;" train new --target one
  refuses "no UTF-8" "latin: line 2.*UTF-8" train new --source latin --target latin
  refuses "an empty standard input" "standard input is empty" run translate --model model
  refuses "standard input that is not UTF-8" "standard input: line 2" from latin translate \
    --model model
  refuses "evaluate: unequal line counts" "20 lines.* 1;" run evaluate --model model \
    --source valid.source --target one
  refuses "a chart in a missing folder" "absent" run evaluate --model model --source valid.source \
    --target valid.target --chart absent/chart.svg
}

refused_places() {
  refuses "an existing model" "--resume.*--overwrite" train model
  refuses "--resume without a state" "new.training.*without --resume" train new --resume
  refuses "a missing output folder" "absent" train absent/model
  refuses "a folder as model" "is a folder" train folder
  refuses "a file as output folder" "valid.source" train valid.source/model
  if [[ $(id -u) != 0 ]]; then
    mkdir locked && chmod 555 locked
    refuses "a locked output folder" "locked.*denied" train locked/model
    chmod 755 locked
  fi
  refuses "--resume with another option" "hidden was 16 .* is 32 now" train model --resume \
    --hidden 32
  sed '1s/.*/eins/' train.source >changed.source
  refuses "--resume with changed texts" "texts" train model --resume --source changed.source
  refuses "--resume from a model" "training state" train copy --resume
}

refused_models() {
  local size length position code
  refuses "a missing model" "absent: .*No such file" run info --model absent
  refuses "a folder as a model" "folder: .*it is a folder" run info --model folder
  refuses "an empty model" "empty: .*safetensors" run info --model empty
  refuses "a text as a model" "valid.source: .*safetensors" from one translate --model valid.source
  refuses "a training state as a model" "no translation model.*training state" run info \
    --model model.training
  size=$(wc -c <model | tr -d ' ')
  length=$(header_length model)
  for position in 1 7 8 100 $((length / 2)) $((length + 8)) $((size / 2)) $((size - 1)); do
    head -c "$position" model >bad
    refuses "a model cut at byte $position" "bad: " from one translate --model bad
  done
  cp model bad && printf 'x' >>bad
  refuses "a model with a byte too many" "bad: .*1 bytes? belong" run info --model bad
  cp model bad && overwrite bad $((length + 8)) '\000\000\300\177'
  refuses "weights that are not numbers" "bad: .*nan, not a finite number" run info --model bad
  cp model bad && replace bad 'translation model' 'translation modex'
  refuses "a file of another kind" "no translation model.*modex" run info --model bad
  cp model bad && replace bad '"seed' '"sead'
  refuses "a recipe of another version" "bad: the recipe" run info --model bad
  cp model bad && replace bad 'hidden\\":16,' 'hidden\\":96,'
  refuses "another size in the recipe" "bad: " run info --model bad
  cp model bad && replace bad 'dropout\\":0.3' 'dropout\\":7.3'
  refuses "a recipe that cannot be" "bad: .*dropout" run info --model bad
  printf '\x38\0\0\0\0\0\0\0{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  \0\0\0\0' >bad
  refuses "a foreign safetensors file" "no translation model" run info --model bad

  for ((position = 0; position < length; position += 1 + length / 97)); do
    cp model bad
    overwrite bad "$position" "\\$(printf '%03o' $((RANDOM % 256)))"
    run info --model bad
    code=$?
    check "byte $position of the header: exit code 0 or 2" [ $((code & ~2)) == 0 ]
    check "byte $position of the header: a line where it is 2" is "$(lines "$err")" $((code / 2))
  done
}

part_errors() {
  corpora 60
  corpus long 5 3
  awk '{ print $0, "eins zwei drei" }' long.source >long && cp long long.source
  cp long.source long.target
  check "a model" train model --epochs 1
  check "a model without attention" train plain --epochs 1 --score none
  cp model copy && cp model copy.training
  refused_options
  refused_texts
  refused_places
  refused_models
  if [[ -w /dev/full ]]; then
    "$program" info --model model >/dev/full 2>"$err"
    check "a full disk: exit code" is $? 2
  fi
}

part_terminal() {
  corpora 1000
  check "plain lines" train plain --epochs 6
  check "plain lines hold no control characters" not grep -q $'[\r\033]' "$err"
  check "a line for each epoch" is "$(grep -c '^epoch [0-9]* done' "$err")" 6
  check "the last line says where the model is" grep -q 'finished.* MB .*the model is plain$' "$err"
  if ! script -qec true /dev/null >"$out" 2>&1 </dev/null; then
    echo "without a terminal: there is no util-linux script"
    return
  fi
  script -qec "'$program' train --source train.source --target train.target \
    --valid-source valid.source --valid-target valid.target --hidden 64 --embed 16 --batch 8 \
    --epochs 6 --model terminal" /dev/null >"$out" 2>"$err" </dev/null
  check "on a terminal: exit code" is $? 0
  check "on a terminal a line is rewritten" grep -q $'\r\033\\[Kepoch [0-9]*  [0-9]*/125' "$out"
  check "a rewritten line fits into 79 columns" is \
    "$(tr '\r' '\n' <"$out" | grep '/125' | awk '{ sub(/^.*\[K/, "") } length > 79' | wc -l | tr -d ' ')" 0
  check "the last line stays" grep -q 'the model is terminal' "$out"
  script -qec "'$program' train --source train.source --target train.target \
    --valid-source valid.source --valid-target valid.target --hidden 64 --embed 16 --batch 8 \
    --epochs 2 --rate 3e38 --clip 0 --model exploded" /dev/null >"$out" 2>"$err" </dev/null
  check "an exploding training: exit code" is $? 2
  check "an exploding training: the message names the update" grep -q 'translator: .*at update' "$out"
}

"part_$part"
summary "$part"
