// Installing and removing rules in a namespace that holds others' rules: these stay as they were, to the letter.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { detectTransparentCapture } from '../capability/detect.ts';
import { findProgram, type RunCommand, runCommand } from '../commands/run.ts';
import { type CaptureRules, defaultRules } from '../rules/capture-rules.ts';
import type { Backend } from '../rules/render.ts';
import { installRules, removeRules } from './install.ts';
import { parseSaved } from './situation.ts';

const capability = await detectTransparentCapture();
const backends: Backend[] = [];
for (const backend of ['iptables', 'nftables'] as const)
  if ((await detectTransparentCapture({ backend })).available) backends.push(backend);
const whyNot = capability.available ? '' : `: skipped, ${capability.reason}`;
const netns = `xebec-install-${process.pid}`;
const inside: RunCommand = (command, input) => runCommand(['ip', 'netns', 'exec', netns, ...command], input);

const rules: CaptureRules = {
  ...defaultRules,
  dnsCapture: { addresses: ['127.0.0.1', '::1'], port: 15053 },
  excludeOutboundCidrs: ['10.9.0.0/16'],
};
const transparent: CaptureRules = { ...rules, interception: 'TPROXY' };
const families = ['ipv4', 'ipv6'] as const;

const foreignTables = `*nat
:OTHER - [0:0]
:ISTIO_OUTPUT - [0:0]
-A OTHER -p tcp -m tcp --dport 81 -j RETURN
-A PREROUTING -p tcp -j OTHER
-A OUTPUT -p tcp -m tcp --dport 82 -j ISTIO_OUTPUT
COMMIT
*mangle
-A PREROUTING -p tcp -m tcp --dport 83 -j MARK --set-mark 7
-A OUTPUT -p tcp -m tcp --dport 83 -j MARK --set-mark 7
COMMIT
*filter
-A INPUT -p tcp -m tcp --dport 84 -j DROP
COMMIT
`;
const foreignNft =
  'table inet other {\n chain a {\n type nat hook output priority -90;\n tcp dport 85 return\n }\n}\n';

/** All rules of packets and of routing, without counters and dates. */
async function everything(except = ''): Promise<string> {
  const commands = [
    ['iptables-save'],
    ['ip6tables-save'],
    ['nft', '--stateless', 'list', 'ruleset'],
    ...['-4', '-6'].flatMap((version) => [
      ['ip', version, 'rule'],
      ['ip', version, 'route', 'show', 'table', 'all'],
    ]),
  ];
  const outputs: string[] = [];
  for (const command of commands.filter(([program]) => program !== except))
    outputs.push((await inside(command)).output);
  return outputs
    .join('\n')
    .replaceAll(/^#.*$/gm, '')
    .replaceAll(/\[\d+:\d+\]/g, '');
}

async function makeNamespace(): Promise<void> {
  await runCommand(['ip', 'netns', 'add', netns]);
  await inside(['ip', 'link', 'set', 'lo', 'up']);
  for (const restore of ['iptables-restore', 'ip6tables-restore'])
    if (findProgram(restore) !== undefined)
      expect(await inside([restore], foreignTables)).toMatchObject({ code: 0 });
  if (findProgram('nft') !== undefined)
    expect(await inside(['nft', '-f', '-'], foreignNft)).toMatchObject({ code: 0 });
  await inside(['ip', 'rule', 'add', 'fwmark', '1337', 'lookup', '200']);
}

const shown = (result: Awaited<ReturnType<typeof installRules>>): unknown =>
  result.ok ? result.value.steps.map(({ command }) => command.join(' ')) : result.diagnostics;

describe.skipIf(!capability.available)(`rules in the kernel${whyNot}`, () => {
  let before: string;
  beforeAll(makeNamespace);
  afterAll(async () => void (await runCommand(['ip', 'netns', 'delete', netns])));
  beforeEach(async () => {
    await removeRules({ run: inside });
    before = await everything();
  });

  test.each(backends)('are taken away exactly, and twice is once (%s)', async (backend) => {
    const options = { backend, families, run: inside };
    expect(await installRules(transparent, options)).toMatchObject({ ok: true, value: { backend } });
    const once = await everything();
    expect(once).not.toBe(before);
    expect(once).toContain('137');
    expect(await installRules(transparent, options)).toMatchObject({ ok: true });
    expect(await everything()).toBe(once);
    // Other rules take their place; chains and routes that are no longer needed go.
    expect(await installRules(rules, options)).toMatchObject({ ok: true });
    expect(await everything()).not.toContain('XEBEC_TPROXY');
    expect(await removeRules({ run: inside })).toMatchObject({ ok: true });
    expect(await everything()).toBe(before);
    expect(await removeRules({ run: inside })).toMatchObject({ ok: true, value: [] });
  });

  test.skipIf(backends.length < 2)('move from one back-end to the other', async () => {
    for (const backend of [...backends, ...backends.toReversed()])
      expect(await installRules(transparent, { backend, families, run: inside })).toMatchObject({ ok: true });
    await removeRules({ run: inside });
    expect(await everything()).toBe(before);
  });

  test.each(backends)('are as before when a step is refused, whichever it is (%s)', async (backend) => {
    const options = { backend, families, run: inside };
    expect(await installRules(rules, options)).toMatchObject({ ok: true });
    // The other language shows the same chains in the order in which they were made.
    const except = backend === 'iptables' ? 'nft' : '';
    const installed = await everything(except);
    let refusals = 0;
    for (let nth = 1; ; nth++) {
      let seen = 0;
      const run: RunCommand = (command, input) =>
        input !== undefined && ++seen === nth
          ? Promise.resolve({ code: 1, output: '', errors: 'no such thing here' })
          : inside(command, input);
      const result = await installRules(transparent, { ...options, run });
      if (result.ok) break;
      expect(result.diagnostics).toMatchObject([
        { code: 'capture-rules-refused', message: expect.stringContaining('no such thing here') },
      ]);
      expect(await everything(except), `refusal ${nth}`).toBe(installed);
      refusals++;
    }
    expect(refusals).toBe(backend === 'iptables' ? 4 : 3);
  });

  test('of others with our mark or our names in comments stay', async () => {
    const own = [
      'iptables',
      '-t',
      'nat',
      '-A',
      'OUTPUT',
      '-m',
      'comment',
      '--comment',
      'not -j XEBEC_OUTPUT',
      '-j',
    ];
    if (findProgram('iptables') === undefined) return;
    await inside([...own, 'RETURN']);
    const with_ = await everything();
    expect(shown(await installRules(rules, { backend: 'auto', families, run: inside }))).toHaveLength(4);
    await removeRules({ run: inside });
    expect(await everything()).toBe(with_);
    await inside(['iptables', '-t', 'nat', '-D', ...own.slice(4), 'RETURN']);
  });
});

test('a program that is missing is named, with what to install', async () => {
  const without =
    (...names: string[]) =>
    (program: string): string | undefined =>
      names.includes(program) ? undefined : `/sbin/${program}`;
  const run: RunCommand = () => Promise.resolve({ code: 0, output: '', errors: '' });
  const install = (backend: Backend | 'auto', ...lacking: string[]) =>
    installRules(rules, { backend, families, find: without(...lacking), run });
  expect(await install('iptables', 'iptables-restore')).toMatchObject({
    diagnostics: [{ code: 'missing-program', remedy: expect.stringContaining('--backend nftables') }],
  });
  expect(await install('iptables', 'ip6tables-restore')).toMatchObject({
    diagnostics: [{ code: 'missing-program', remedy: expect.stringContaining('--no-ipv6') }],
  });
  expect(await install('nftables', 'nft')).toMatchObject({
    diagnostics: [{ code: 'missing-program', remedy: 'install the package nftables' }],
  });
  expect(await install('auto', 'iptables-save', 'nft')).toMatchObject({
    diagnostics: [{ message: expect.stringContaining('iptables or nft') }],
  });
  if (!capability.available) return;
  expect(await install('auto', 'ip6tables-save')).toMatchObject({ ok: true, value: { backend: 'nftables' } });
  expect(await install('auto')).toMatchObject({ ok: true, value: { backend: 'iptables' } });
  expect(await install('nftables', 'ip')).toMatchObject({
    diagnostics: [{ code: 'missing-program', remedy: 'install the package iproute2' }],
  });
});

test('only chains of ours are seen in what is saved', () => {
  const saved = `# Generated\n${foreignTables}*raw\n:XEBEC_X - [0:0]\n-A XEBEC_X -j RETURN\n-A OUTPUT -p tcp -j XEBEC_X\nCOMMIT\n`;
  expect(parseSaved(saved)).toEqual([
    {
      table: 'raw',
      chains: ['XEBEC_X'],
      rules: ['-A XEBEC_X -j RETURN'],
      references: ['-A OUTPUT -p tcp -j XEBEC_X'],
    },
  ]);
});
