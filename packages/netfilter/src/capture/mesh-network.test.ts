// A mesh's network when the kernel refuses a step: whatever fails, the failure is told and nothing is left.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type CaptureTools, detectTransparentCapture } from '../capability/detect.ts';
import { type RunCommand, runCommand } from '../commands/run.ts';
import { meshNames } from '../namespaces/names.ts';
import { listNamespaces } from '../namespaces/network.ts';
import { readRecord } from '../namespaces/record.ts';
import { removeStale } from '../namespaces/remove.ts';
import { defaultRules } from '../rules/capture-rules.ts';
import { renderRules } from '../rules/render.ts';
import { openMeshNetwork } from './open-mesh-network.ts';

const capability = await detectTransparentCapture();
const whyNot = capability.available ? '' : `: skipped, ${capability.reason}`;
const rendered = renderRules(defaultRules, capability.available ? capability.backend : 'iptables', ['ipv4']);
const rules = rendered.ok ? rendered.value : [];
const resolver = { nameserver: '10.240.0.1', namespace: 'default', clusterDomain: 'cluster.local' };

let directories: string[] = [];
afterEach(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  directories = [];
});

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'xebec-netfilter-'));
  directories.push(directory);
  return directory;
}

/** Commands that change something: the ones whose failure matters. */
const changes = (command: readonly string[]): boolean =>
  ['add', 'exec', '-batch'].some((word) => command.includes(word)) && !command.includes('tee');

/** Runs everything but the given change, which the kernel seems to refuse. */
function refusing(nth: number): { run: RunCommand; wasRefused: () => boolean } {
  let seen = 0;
  const run: RunCommand = (command, input) =>
    changes(command) && ++seen === nth
      ? Promise.resolve({ code: 1, output: '', errors: 'no such thing here' })
      : runCommand(command, input);
  return { run, wasRefused: () => seen >= nth };
}

async function leftOf(tools: CaptureTools, stateDirectory: string): Promise<string[]> {
  const { prefix, hostLink } = meshNames(stateDirectory);
  const links = (await runCommand(['ip', '-brief', 'link'])).output;
  const files = existsSync('/etc/netns') ? readdirSync('/etc/netns') : [];
  return [
    ...[...(await listNamespaces(tools)), ...files].filter((name) => name.startsWith(prefix)),
    ...(links.includes(hostLink) ? [hostLink] : []),
  ];
}

describe.skipIf(!capability.available)(`a refused step${whyNot}`, () => {
  const tools = capability.available ? capability.tools : undefined;

  test('of the bridge leaves nothing, at any step', async () => {
    if (tools === undefined) return;
    const stateDirectory = temporaryDirectory();
    let steps = 0;
    for (let nth = 1; ; nth++) {
      const { run, wasRefused } = refusing(nth);
      const opened = await openMeshNetwork({ ...tools, run }, stateDirectory);
      if (opened.ok) {
        await opened.value.remove();
        if (!wasRefused()) break;
      }
      expect(opened).toMatchObject({ ok: false, diagnostics: [{ code: 'capture-network-failed' }] });
      expect(await leftOf(tools, stateDirectory)).toEqual([]);
      expect(await readRecord(stateDirectory)).toMatchObject({ ok: true, value: undefined });
      steps++;
    }
    expect(steps).toBeGreaterThan(3);
  });

  test('of a workload leaves the others, and its address to the next', async () => {
    if (tools === undefined) return;
    const stateDirectory = temporaryDirectory();
    let run: RunCommand = runCommand;
    const opened = await openMeshNetwork(
      { ...tools, run: (command, input) => run(command, input) },
      stateDirectory,
    );
    if (!opened.ok) throw new Error(JSON.stringify(opened.diagnostics));
    const network = opened.value;
    try {
      for (let nth = 1; ; nth++) {
        const refusal = refusing(nth);
        run = refusal.run;
        const added = await network.addWorkload('web', { rules, resolver });
        run = runCommand;
        if (added.ok) {
          expect(added.value.slot).toBe(3);
          expect(refusal.wasRefused()).toBe(false);
          break;
        }
        expect(added.diagnostics).toMatchObject([
          { code: 'capture-network-failed', message: expect.stringContaining('no such thing here') },
        ]);
        expect(await leftOf(tools, stateDirectory)).toHaveLength(2);
      }
    } finally {
      expect(await network.remove()).toMatchObject({ ok: true });
    }
    expect(await leftOf(tools, stateDirectory)).toEqual([]);
  });

  test('a record that is damaged, or names what is not ours, removes nothing', async () => {
    if (tools === undefined) return;
    const stateDirectory = temporaryDirectory();
    const record = {
      version: 1,
      owner: { pid: 0, startTicks: 'none' },
      madeConfigurationDirectory: false,
      hostLink: 'eth0',
      namespaces: [],
    };
    mkdirSync(join(stateDirectory, 'capture.json'));
    expect(await removeStale({ ...tools, run: refuseAll }, stateDirectory)).toMatchObject({ ok: false });
    rmdirSync(join(stateDirectory, 'capture.json'));
    for (const text of ['', '{"version":1', 'null', JSON.stringify(record)]) {
      writeFileSync(join(stateDirectory, 'capture.json'), text);
      expect(await removeStale({ ...tools, run: refuseAll }, stateDirectory)).toMatchObject({
        ok: false,
        diagnostics: [
          { code: 'capture-record-unreadable', origin: { file: join(stateDirectory, 'capture.json') } },
        ],
      });
    }
  });
});

const refuseAll: RunCommand = () => Promise.reject(new Error('nothing may be run'));
