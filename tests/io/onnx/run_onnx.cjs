// Runs exported models in ONNX Runtime and compares with what attend answered.
//
//   run_onnx.cjs FOLDER/cases.json    beside NAME.encoder.onnx and NAME.step.onnx for each case
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');

const folder = path.dirname(process.argv[2]);
const integers = (values) => new ort.Tensor('int64', BigInt64Array.from(values.map(BigInt)), [values.length]);
const floats = (values, shape) => new ort.Tensor('float32', Float32Array.from(values), shape);
const load = (name, part) => ort.InferenceSession.create(path.join(folder, `${name}.${part}.onnx`));
// Every row once for each hypothesis.
const repeated = (tensor, n) => floats(Array(n).fill([...tensor.data]).flat(), [n, tensor.dims[1]]);

function difference(expected, tensor) {
  if (expected.length !== tensor.data.length) return Infinity;
  return Math.max(...expected.map((value, i) => Math.abs(value - tensor.data[i])));
}

async function check(test) {
  const [encoder, step] = [await load(test.name, 'encoder'), await load(test.name, 'step')];
  const n = test.steps[0].tokens.length;
  const { state, ...memory } = await encoder.run({ source: integers(test.source) });
  let before = { state: repeated(state, n) };
  if (test.feed > 0) before.feed = floats(Array(n * test.feed).fill(0), [n, test.feed]);
  let worst = 0;
  for (const { tokens, logits, weights } of test.steps) {
    const given = { token: integers(tokens), ...memory, ...before };
    const known = Object.fromEntries(Object.entries(given).filter(([name]) => step.inputNames.includes(name)));
    const made = await step.run(known);
    worst = Math.max(worst, difference(logits, made.logits));
    if (weights.length > 0) worst = Math.max(worst, difference(weights, made.weights));
    before = { state: made.next_state };
    if (test.feed > 0) before.feed = made.next_feed;
  }
  console.log(`${test.name}: the largest difference is ${worst.toExponential(1)}`);
  return worst < 1e-5;
}

(async () => {
  let good = true;
  for (const test of JSON.parse(fs.readFileSync(process.argv[2]))) good = (await check(test)) && good;
  process.exit(good ? 0 : 1);
})();
