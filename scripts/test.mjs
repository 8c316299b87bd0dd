// npm test: installs what is missing, runs every test, and ends with `N passed, N failed, N skipped`.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkNode, ensureBundle, ensureDependencies, fail, root, run } from './prepare.mjs';
import { resultsFile } from './vitest-reporter.mjs';

checkNode();
await ensureDependencies();
await ensureSystemPrograms();
await ensureBundle();
const envoy = findEnvoy();
rmSync(resultsFile, { force: true });
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts', 'vitest-reporter.mjs')}`];
const code = await run(
  'running the tests',
  process.execPath,
  [vitest, 'run', ...reporters, ...process.argv.slice(2)],
  {
    stdio: 'inherit',
    env: { ...process.env, ENVOY_PATH: envoy },
  },
);
process.exit(summarize(code));

/** On a build machine, what transparent capture needs; elsewhere tests without it are skipped and say so. */
async function ensureSystemPrograms() {
  const wanted = { iptables: 'iptables', ip: 'iproute2', nft: 'nftables', 'redis-server': 'redis-server' };
  const has = (program) =>
    ['/usr/sbin', '/sbin', '/usr/bin', '/bin'].some((path) => existsSync(join(path, program)));
  const packages = Object.entries(wanted).flatMap(([program, name]) => (has(program) ? [] : [name]));
  const mayInstall = process.env.CI === 'true' || process.env.XEBEC_TEST_INSTALL === '1';
  if (packages.length === 0 || !mayInstall || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get'))
    return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('refreshing the list of packages', 'apt-get', ['update', '-qq'], { env });
  const args = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  const installed = await run(`installing ${packages.join(', ')}`, 'apt-get', args, { env });
  if (installed !== 0) process.stderr.write('  not installed: tests of transparent capture are skipped\n');
}

function findEnvoy() {
  try {
    const output = execFileSync(process.execPath, [join(root, 'dist', 'ensure-envoy.js')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return output.trim();
  } catch {
    return fail('there is no Envoy to test with', 'see above');
  }
}

/** Prints the last line and gives the exit code. */
function summarize(vitestCode) {
  const { tests, unhandled } = existsSync(resultsFile)
    ? JSON.parse(readFileSync(resultsFile, 'utf8'))
    : { tests: [], unhandled: ['the tests did not run to their end'] };
  const count = (state) => tests.filter((test) => test.state === state).length;
  const failed = count('failed') + unhandled.length;
  const reasons = new Map();
  for (const { state, reason } of tests)
    if (state === 'skipped') reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  for (const [reason, times] of reasons) process.stdout.write(`skipped ${times}: ${reason}\n`);
  for (const test of tests)
    if (test.state === 'failed') process.stdout.write(`failed: ${test.file}: ${test.title}\n`);
  for (const message of unhandled) process.stdout.write(`failed: ${message}\n`);
  const isLost = vitestCode !== 0 && failed === 0;
  if (isLost) process.stdout.write(`failed: vitest ended with ${vitestCode}\n`);
  process.stdout.write(
    `${count('passed')} passed, ${failed + (isLost ? 1 : 0)} failed, ${count('skipped')} skipped\n`,
  );
  return failed > 0 || vitestCode !== 0 ? 1 : 0;
}
