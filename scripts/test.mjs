// npm test: installs what is missing, runs every test, and ends with `N passed, N failed, N skipped`.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkNode, ensureBundle, ensureDependencies, fail, root, run } from './prepare.mjs';
import { runWatched } from './watchdog/watched-run.mjs';

checkNode();
await ensureDependencies();
await ensureSystemPrograms();
await ensureBundle();
const envoy = findEnvoy();
const { lines, code } = await runWatched({
  args: process.argv.slice(2),
  env: { ...process.env, ENVOY_PATH: envoy },
  tell: (told) => process.stderr.write(`${told.join('\n')}\n`),
});
for (const line of lines) process.stdout.write(`${line}\n`);
process.exit(code);

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
      timeout: 900_000,
      killSignal: 'SIGKILL',
    });
    return output.trim();
  } catch {
    return fail('there is no Envoy to test with', 'see above');
  }
}
