// npm run check: format, lint, boundaries, types, dead code and unit tests, two at a time; a step speaks only when it fails.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { checkNode, ensureDependencies, knownEnvoy, root } from './prepare.mjs';

const bin = (name) => join(root, 'node_modules', '.bin', name);
const folders = ['packages', 'apps', 'tests', 'bench'];

// The longest first: two lanes end at about the same time.
const steps = [
  ['lint (types)', bin('eslint'), ['.', '--cache', '--cache-location', '.cache/eslint']],
  ['unit tests', bin('vitest'), ['run', '--project', 'unit', '--reporter=dot']],
  ['types', bin('tsc'), ['-p', 'tsconfig.json']],
  ['boundaries', bin('depcruise'), ['--config', '.dependency-cruiser.cjs', ...folders]],
  ['dead code', bin('knip'), []],
  ['format and lint', bin('biome'), ['check', '.']],
];
const lanes = 2;
const envoy = knownEnvoy();
const env = { ...process.env, ...(envoy === undefined ? {} : { ENVOY_PATH: envoy }) };

function runStep([name, command, args]) {
  const startedAt = performance.now();
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.once('error', (error) => {
      output += `${error.message}\n`;
    });
    child.once('close', (code) => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      process.stdout.write(
        `${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(16)} ${seconds.padStart(6)} s\n`,
      );
      if (code !== 0) process.stdout.write(`${output.trimEnd()}\n\n`);
      done(code === 0);
    });
  });
}

checkNode();
await ensureDependencies();
const only = process.argv.slice(2);
const waiting = steps.filter(([name]) => only.length === 0 || only.some((word) => name.includes(word)));
const startedAt = performance.now();
const results = await Promise.all(
  Array.from({ length: lanes }, async () => {
    let isGood = true;
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift())
      isGood = (await runStep(step)) && isGood;
    return isGood;
  }),
);
const isGood = results.every(Boolean);
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
process.stdout.write(`${isGood ? 'all good' : 'something failed'} after ${seconds} s\n`);
process.exit(isGood ? 0 : 1);
