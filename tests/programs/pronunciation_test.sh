#!/usr/bin/env bash
# Uses examples/pronunciation on the model it was written for.
#   pronunciation_test.sh PROGRAM
# Exit code 0: all of expected.tsv is reproduced; 1: not; 77: PROGRAM or the model is not there.
set -u

program=${1:?which program?}
model=${ATTEND_SHARED_DIR:-../shared}/models/g2p_en
for needed in "$program" "$model/model.safetensors"; do
  if [[ ! -e $needed ]]; then
    echo "skipped: there is no $needed"
    exit 77
  fi
done
"$program" "$model" || exit 1
[[ $("$program" "$model" colour) == $'colour\tK AH1 L AW0 R' ]] || { echo "colour is said otherwise"; exit 1; }
if "$program" "$model/vocab.json" x 2>/dev/null; then echo "a file was taken for a folder"; exit 1; fi
[[ $("$program" --help) == usage:* ]] || { echo "--help is no usage"; exit 1; }
