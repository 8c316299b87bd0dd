// Secrets in files: whole ones are served, a broken one leaves the old in force, the mesh's own are nobody's.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, expect, test } from 'vitest';
import { createManualTimers } from '../testing/manual-timers.ts';
import { isFileSecretName, openFileSecrets } from './file-secrets.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-files-'));
const stateDirectory = join(directory, 'state');
mkdirSync(stateDirectory);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const [one = '', two = ''] = rootCertificates;
const at = (name: string, content?: string): string => {
  if (content !== undefined) writeFileSync(join(directory, name), content);
  return join(directory, name);
};

function open() {
  const timers = createManualTimers();
  const changes: string[] = [];
  const problems: string[] = [];
  const secrets = openFileSecrets({
    timers,
    stateDirectory,
    onChange: (name) => void changes.push(name),
    onProblem: (_name, reason) => void problems.push(reason),
  });
  return { timers, changes, problems, secrets };
}

test('roots: served, served anew when they change, kept when they break, and told once', async () => {
  const { timers, changes, problems, secrets } = open();
  const name = `file-root:${at('roots.pem', one)}`;
  secrets.follow(name);
  const first = secrets.get(name)?.version;
  expect(first).toBeDefined();
  at('roots.pem', two);
  await timers.advance(2_000);
  const second = secrets.get(name)?.version;
  expect(second).not.toBe(first);
  expect(changes).toEqual([name]);
  at('roots.pem', 'broken');
  await timers.advance(2_000);
  await timers.advance(2_000);
  expect(secrets.get(name)?.version).toBe(second);
  expect(problems).toHaveLength(1);
});

test('a file that is not there yet', async () => {
  const { timers, changes, problems, secrets } = open();
  const name = `file-root:${at('later.pem')}`;
  secrets.follow(name);
  expect([secrets.get(name), problems.length]).toEqual([undefined, 1]);
  at('later.pem', one);
  await timers.advance(2_000);
  expect(changes).toEqual([name]);
});

test("[RELIABILITY B19] the mesh's own files are not served, nor what is no certificate", () => {
  const { problems, secrets } = open();
  writeFileSync(join(stateDirectory, 'ca-key.pem'), one);
  secrets.follow(`file-root:${join(stateDirectory, 'ca-key.pem')}`);
  secrets.follow(`file-cert:${at('a.crt', one)}~${at('a.key', 'no key')}`);
  secrets.follow('file-root:/dev/zero');
  expect(problems).toHaveLength(3);
  expect(problems[0]).toMatch(/own files/);
});

test('roots of the machine', () => {
  const { secrets } = open();
  secrets.follow('file-root:system');
  expect(secrets.get('file-root:system')).toBeDefined();
});

test.each([
  ['file-cert:/a~/b', true],
  ['file-root:/a', true],
  ['file-root:/a~/b', true],
  ['file-cert:/a~/b~/c', false],
  ['default', false],
])('%s is a name of files: %s', (name, expected) => {
  expect(isFileSecretName(name)).toBe(expected);
});
