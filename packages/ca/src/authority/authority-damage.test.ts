// Damage, gaps, strangers' files and kills: the same authority or a refusal that names the file, never another root.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { enrol, hasOpenssl, openssl, openTestAuthority, temporaryDirectory } from '../testing/fixtures.ts';
import { openAuthority } from './authority.ts';

const FILES = ['root-cert.pem', 'root-key.pem', 'ca-cert.pem', 'ca-key.pem', 'cert-chain.pem'];
const open = (directory: string) => openAuthority({ directory, trustDomain: 'cluster.local' });
const firstOf = (directory: string) => {
  const opened = open(directory);
  return opened.ok ? undefined : opened.diagnostics[0];
};

const CHILD = fileURLToPath(new URL('../testing/make-authorities.ts', import.meta.url));

/** Runs the maker in a process of its own; `killAfterMs` counts from its first authority. */
async function runChild(parent: string, mode: 'once' | 'limited' | 'killed', killAfterMs?: number) {
  const node = [process.execPath, '--import', 'tsx', CHILD, parent, mode];
  const shell = ['-c', 'ulimit -f 0; exec "$@"', 'sh', ...node];
  const child = mode === 'limited' ? spawn('sh', shell) : spawn(process.execPath, node.slice(1));
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdout.on('data', (chunk) => {
    if (stdout === '' && killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    stdout += chunk;
  });
  await once(child, 'close');
  return { stdout, stderr };
}

function authorityOfTest() {
  const temporary = temporaryDirectory();
  onTestFinished(() => temporary[Symbol.dispose]());
  const { rootsPem } = openTestAuthority(temporary.path);
  return { directory: path.join(temporary.path, 'ca'), rootsPem };
}

describe.each(FILES)('%s', (name) => {
  test('every damage is refused by name or harmless', () => {
    const { directory, rootsPem } = authorityOfTest();
    const file = path.join(directory, name);
    const intact = fs.readFileSync(file);
    const damage = fc.oneof(
      fc.nat({ max: intact.length * 8 - 1 }).map((bit) => {
        const flipped = Buffer.from(intact);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        return flipped;
      }),
      fc.nat({ max: intact.length - 1 }).map((length) => intact.subarray(0, length)),
    );
    fc.assert(
      fc.property(damage, (bytes) => {
        fs.writeFileSync(file, bytes);
        const opened = open(directory);
        if (opened.ok) expect(opened.value.rootsPem).toEqual(rootsPem);
        else expect(FILES).toContain(path.basename(opened.diagnostics[0]?.origin?.file ?? ''));
        expect(fs.readFileSync(file).equals(bytes)).toBe(true);
      }),
      { numRuns: 200, examples: [[Buffer.alloc(0)], [Buffer.alloc(intact.length)]] },
    );
    fs.writeFileSync(file, intact);
    expect(firstOf(directory)).toBeUndefined();
  });

  test('emptied or replaced by that of another authority', () => {
    const { directory } = authorityOfTest();
    const other = authorityOfTest();
    const file = path.join(directory, name);
    fs.copyFileSync(path.join(other.directory, name), file);
    expect(firstOf(directory)).toMatchObject({ code: 'damaged-authority' });
    fs.writeFileSync(file, '');
    expect(firstOf(directory)).toMatchObject({ code: 'damaged-authority', origin: { file } });
  });
});

test.each(FILES.filter((name) => name !== 'root-key.pem'))('a missing %s is refused by name', (name) => {
  const { directory } = authorityOfTest();
  const file = path.join(directory, name);
  fs.rmSync(file);
  expect(firstOf(directory)).toMatchObject({ code: 'damaged-authority', origin: { file } });
  expect(fs.existsSync(file)).toBe(false);
});

test('the root key may be kept elsewhere', () => {
  const { directory, rootsPem } = authorityOfTest();
  fs.rmSync(path.join(directory, 'root-key.pem'));
  expect(open(directory)).toMatchObject({ ok: true, value: { rootsPem, isNew: false } });
});

test.each(['ca-key.pem', 'root-key.pem'])('%s that others can read is refused, with what to do', (name) => {
  const { directory } = authorityOfTest();
  const file = path.join(directory, name);
  for (const mode of [0o640, 0o604, 0o666]) {
    fs.chmodSync(file, mode);
    expect(firstOf(directory)).toMatchObject({
      code: 'key-permissions-too-open',
      remedy: expect.stringContaining('chmod 600'),
      origin: { file },
    });
  }
  fs.chmodSync(file, 0o400);
  expect(firstOf(directory)).toBeUndefined();
});

test('a directory with something else in it gets no authority', () => {
  const { directory } = authorityOfTest();
  for (const name of FILES) fs.rmSync(path.join(directory, name));
  fs.writeFileSync(path.join(directory, 'notes.txt'), '');
  expect(firstOf(directory)).toMatchObject({ code: 'damaged-authority' });
  expect(fs.readdirSync(directory)).toEqual(['notes.txt']);
});

test('two roots may be trusted at once', () => {
  const { directory, rootsPem } = authorityOfTest();
  const other = authorityOfTest();
  fs.appendFileSync(path.join(directory, 'root-cert.pem'), other.rootsPem.join(''));
  expect(open(directory)).toMatchObject({ ok: true, value: { rootsPem: [...rootsPem, ...other.rootsPem] } });
});

describe.runIf(hasOpenssl)('an authority of openssl', () => {
  const make = (key: readonly string[], pathLength: string) => {
    const temporary = temporaryDirectory();
    onTestFinished(() => temporary[Symbol.dispose]());
    const at = (name: string) => path.join(temporary.path, 'ca', name);
    fs.mkdirSync(path.join(temporary.path, 'ca'));
    const extensions = path.join(temporary.path, 'extensions');
    fs.writeFileSync(extensions, `basicConstraints=critical,${pathLength}\nkeyUsage=critical,keyCertSign\n`);
    const rootKey = path.join(temporary.path, 'root-key.pem');
    openssl([
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '30',
      '-subj',
      '/O=Example/CN=Root',
      '-keyout',
      rootKey,
      '-out',
      at('root-cert.pem'),
    ]);
    const csr = openssl([
      'req',
      '-new',
      ...key,
      '-nodes',
      '-subj',
      '/O=Example/CN=Intermediate',
      '-keyout',
      at('ca-key.pem'),
    ]);
    openssl(
      [
        'x509',
        '-req',
        '-days',
        '20',
        '-CA',
        at('root-cert.pem'),
        '-CAkey',
        rootKey,
        '-CAcreateserial',
        '-CAserial',
        path.join(temporary.path, 'serial'),
        '-extfile',
        extensions,
        '-out',
        at('ca-cert.pem'),
      ],
      csr,
    );
    fs.writeFileSync(at('cert-chain.pem'), fs.readFileSync(at('ca-cert.pem'), 'utf8'));
    fs.chmodSync(at('ca-key.pem'), 0o600);
    return path.join(temporary.path, 'ca');
  };

  test.each([
    ['RSA', ['-newkey', 'rsa:2048']],
    ['P-384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384']],
  ])('%s is plugged in, and openssl verifies what it issues', async (_, key) => {
    const directory = make(key, 'CA:TRUE');
    const authority = openTestAuthority(path.dirname(directory));
    expect(authority.isNew).toBe(false);
    const { chainPem } = await enrol(authority, 'spiffe://cluster.local/ns/a/sa/b');
    const files = chainPem.map((text, at) => {
      const file = path.join(path.dirname(directory), `chain-${at}.pem`);
      fs.writeFileSync(file, text);
      return file;
    });
    const [leaf = '', intermediate = '', root = ''] = files;
    openssl(['verify', '-CAfile', root, '-untrusted', intermediate, leaf]);
  });

  test('one that may not sign, or is too weak, is refused', () => {
    expect(firstOf(make(['-newkey', 'rsa:2048'], 'CA:FALSE'))).toMatchObject({ code: 'damaged-authority' });
    expect(firstOf(make(['-newkey', 'rsa:1024'], 'CA:TRUE'))).toMatchObject({ code: 'damaged-authority' });
  });
});

describe('making one', () => {
  test('a full disk is reported, and leaves nothing', async () => {
    const temporary = temporaryDirectory();
    onTestFinished(() => temporary[Symbol.dispose]());
    const { stdout } = await runChild(temporary.path, 'limited');
    expect(stdout).toContain('authority-unwritable');
    expect(fs.readdirSync(temporary.path)).toEqual([]);
  });

  test('a kill at any moment leaves a whole authority or none', async () => {
    const temporary = temporaryDirectory();
    onTestFinished(() => temporary[Symbol.dispose]());
    for (let kill = 0; kill < 8; kill += 1) {
      const parent = path.join(temporary.path, `${kill}`);
      await runChild(parent, 'killed', 20 + kill * 7);
      const made = fs.readdirSync(parent).filter((name) => name.startsWith('ca-'));
      expect(made.length).toBeGreaterThan(0);
      for (const name of made)
        expect(open(path.join(parent, name))).toMatchObject({ ok: true, value: { isNew: false } });
      const next = path.join(parent, `ca-${made.length}`);
      expect(open(next)).toMatchObject({ ok: true, value: { isNew: true } });
      expect(fs.readdirSync(parent).filter((name) => name.startsWith(`.ca-${made.length}.`))).toEqual([]);
    }
  });

  test('two at once agree on one', async () => {
    const temporary = temporaryDirectory();
    onTestFinished(() => temporary[Symbol.dispose]());
    const runs = await Promise.all([1, 2, 3].map(() => runChild(temporary.path, 'once')));
    const roots = new Set(runs.map(({ stdout }) => stdout));
    expect([...roots]).toEqual([openTestAuthority(temporary.path).rootsPem.join('')]);
    expect(fs.readdirSync(temporary.path)).toEqual(['ca']);
  });
});
