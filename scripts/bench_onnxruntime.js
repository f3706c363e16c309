// Runs the models of bench_onnx_models.py in ONNX Runtime, one thread, and prints their seconds.
//
// usage: node bench_onnxruntime.js FOLDER
// Prints {"about": what ran, "seconds": {case: seconds}} as JSON: medians of CPU time. A call from
// JavaScript costs something; cases that take less than ten times as long are left out.
'use strict';
const fs = require('fs');
const path = require('path');
const runtime = require('onnxruntime-node');

const repetitions = 5;
const seconds = 0.02;

function randomTensor(shape) {
  const size = shape.reduce((product, n) => product * n, 1);
  return new runtime.Tensor('float32', Float32Array.from({length: size}, () => Math.random() - 0.5),
                            shape);
}

function cpuSeconds() {
  const used = process.cpuUsage();
  return (used.user + used.system) * 1e-6;
}

// The median of repetitions that take `seconds` each.
async function time(file) {
  const session = await runtime.InferenceSession.create(
      file, {intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential'});
  const feeds = {};
  for (const input of session.inputMetadata) feeds[input.name] = randomTensor(input.shape);
  await session.run(feeds);
  let start = cpuSeconds();
  await session.run(feeds);
  const steps = Math.max(1, Math.floor(seconds / Math.max(cpuSeconds() - start, 1e-5)));
  const found = [];
  for (let i = 0; i < repetitions; ++i) {
    start = cpuSeconds();
    for (let step = 0; step < steps; ++step) await session.run(feeds);
    found.push((cpuSeconds() - start) / steps);
  }
  await session.release();
  return found.sort((a, b) => a - b)[repetitions >> 1];
}

async function main() {
  const folder = process.argv[2];
  const call = await time(path.join(folder, 'nothing.onnx'));
  const found = {};
  for (const name of fs.readdirSync(folder).sort()) {
    if (name === 'nothing.onnx' || !name.endsWith('.onnx')) continue;
    const taken = await time(path.join(folder, name));
    if (taken >= 10 * call) found[name.slice(0, -'.onnx'.length).replaceAll(',', '/')] = taken;
  }
  const about = `ONNX Runtime ${runtime.env.versions.node} from Node.js`;
  console.log(JSON.stringify({about, seconds: found}, null, 1));
}

main().catch((error) => {
  console.error(`bench_onnxruntime: ${error.message}`);
  process.exit(1);
});
