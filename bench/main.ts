// The benchmark program: runs what was asked for, prints tables, writes JSON, and leaves nothing running.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DataPlaneResult, measureDataPlane } from './data-plane/measure-data-plane.ts';
import { findEnvoy } from './envoys/envoy-process.ts';
import { type EnvoyResult, measureEnvoys } from './envoys/measure-envoys.ts';
import { type BenchOptions, readOptions, usage } from './options.ts';
import { type ControlPlaneResult, measureControlPlane } from './phases/control-plane.ts';
import { measurePolicy, type PolicyResult } from './policy/measure-policy.ts';
import { formatControlPlane } from './report/control-plane-report.ts';
import { formatDataPlane } from './report/data-plane-report.ts';
import { formatEnvoys } from './report/envoys-report.ts';
import { formatPolicy } from './report/policy-report.ts';
import { peerCommand } from './servers/peer.ts';
import { currentBundle, xebecCommand } from './servers/xebec.ts';

const outDirectory = resolve(fileURLToPath(new URL('./out', import.meta.url)));

const progress = (what: string): void => void process.stderr.write(`  … ${what}\n`);

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options === 'help') {
    process.stdout.write(usage);
    return;
  }
  const work = mkdtempSync(join(tmpdir(), 'xebec-bench-'));
  // Also when the run is interrupted; the servers end the same way.
  if (!options.keep) process.once('exit', () => rmSync(work, { recursive: true, force: true }));
  try {
    const results = await measure(options, work);
    const file = writeResults(options, results);
    process.stdout.write(`\nResults: ${relative(process.cwd(), file)}\n`);
  } finally {
    if (options.keep) progress(`kept ${work}`);
  }
}

interface Results {
  readonly controlPlane: readonly ControlPlaneResult[];
  readonly envoys: readonly EnvoyResult[];
  readonly dataPlane: readonly DataPlaneResult[];
  readonly policy?: PolicyResult;
}

async function measure(options: BenchOptions, work: string): Promise<Results> {
  progress('building');
  const program = options.program ?? (await currentBundle());
  const controlPlane = options.only ? [] : await measureServers(options, { work, program });
  if (controlPlane.length > 0) process.stdout.write(`\n${formatControlPlane(controlPlane)}\n`);
  const envoys = options.envoys ? await measureSidecars(options, { work, program }) : [];
  if (envoys.length > 0) process.stdout.write(`\n${formatEnvoys(envoys)}\n`);
  const dataPlane = options.dataPlane ? await measureRequests(options, { work, program }) : [];
  if (dataPlane.length > 0) process.stdout.write(`\n${formatDataPlane(dataPlane)}\n`);
  const policy = options.policy ? await measurePolicyService(options, { work, program }) : undefined;
  if (policy !== undefined) process.stdout.write(`\n${formatPolicy(policy)}\n`);
  return { controlPlane, envoys, dataPlane, ...(policy === undefined ? {} : { policy }) };
}

interface Workplace {
  readonly work: string;
  readonly program: string;
}

async function measureServers(
  options: BenchOptions,
  { work, program }: Workplace,
): Promise<ControlPlaneResult[]> {
  const { services, sidecars, changes, layout } = options;
  const results: ControlPlaneResult[] = [];
  const profile = options.profile ? { profileDirectory: outDirectory } : {};
  for (const mode of options.modes) {
    results.push(
      await measureControlPlane({
        ...{ services, sidecars, changes, layout, mode },
        directory: join(work, `xebec-${mode}`),
        command: (config) => xebecCommand({ config, workDirectory: work, program, ...profile }),
        onProgress: (what) => progress(`xebec, ${mode} clients: ${what}`),
      }),
    );
  }
  const { peer } = options;
  if (peer !== undefined) {
    results.push(
      await measureControlPlane({
        ...{ services, sidecars, changes, layout, mode: 'ordinary' },
        directory: join(work, 'peer'),
        command: (config) => peerCommand({ command: peer, config, workDirectory: work }),
        onProgress: (what) => progress(`peer: ${what}`),
      }),
    );
  }
  return results;
}

async function measureSidecars(
  { quick }: BenchOptions,
  { work, program }: Workplace,
): Promise<readonly EnvoyResult[]> {
  return measureEnvoys({
    envoyPath: await findEnvoy(progress),
    program,
    workDirectory: work,
    sizes: quick ? [100, 1_000] : [100, 1_000, 10_000],
    onProgress: progress,
  });
}

async function measureRequests(
  { quick }: BenchOptions,
  { work, program }: Workplace,
): Promise<readonly DataPlaneResult[]> {
  return measureDataPlane({
    envoyPath: await findEnvoy(progress),
    program,
    workDirectory: work,
    rounds: quick ? 2 : 7,
    load: { requestsPerSecond: 500, seconds: quick ? 1 : 3 },
    onProgress: progress,
  });
}

async function measurePolicyService(
  { quick, profile }: BenchOptions,
  { work, program }: Workplace,
): Promise<PolicyResult> {
  return measurePolicy({
    ...{ program, workDirectory: work, isQuick: quick, onProgress: progress },
    envoyPath: await findEnvoy(progress),
    ...(profile ? { profileDirectory: outDirectory } : {}),
  });
}

function writeResults(options: BenchOptions, results: Results): string {
  const time = new Date().toISOString();
  const file = resolve(options.json ?? join(outDirectory, `${time.replaceAll(/[:.]/g, '-')}.json`));
  mkdirSync(dirname(file), { recursive: true });
  const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? '', node: process.version };
  writeFileSync(file, `${JSON.stringify({ time, machine, options, ...results }, undefined, 2)}\n`);
  return file;
}

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
