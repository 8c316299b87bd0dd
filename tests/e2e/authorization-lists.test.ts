// Lists of ways around a policy: every letter of paths in all four normalizations, hosts, and names that look like patterns.
import { connect } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuardedMesh, startGuarded } from './support/guarded.ts';
import { fetchText } from './support/http.ts';
import { until } from './support/mesh.ts';
import { isOneAnswer, sendRaw, statusesIn } from './support/raw-http.ts';

let guarded: GuardedMesh;
let server: string;
let http2: string;

const policy = (name: string, spec: object) => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name },
  spec: { selector: { matchLabels: { app: 'echo' } }, ...spec },
});
const apply = async (...objects: readonly object[]): Promise<void> => {
  const run = await guarded.mesh.apply(objects.map((each) => JSON.stringify(each)).join('\n---\n'));
  expect(run.code, run.stderr).toBe(0);
};
const deny = policy('deny', {
  action: 'DENY',
  rules: [
    { to: [{ operation: { paths: ['/admin', '/admin/*'] } }, { operation: { hosts: ['secret.example'] } }] },
  ],
});

beforeAll(async () => {
  guarded = await startGuarded();
  const { ip } = await guarded.mesh.pod('echo');
  [server, http2] = [`${ip}:8080`, `${ip}:8081`];
  await apply(deny);
  await until('it holds', async () => (await fetchText({ url: `http://${server}/admin` })).status === 403);
}, 240_000);
afterAll(() => guarded?.stop());

interface Seen {
  readonly status: number;
  /** What the application got; undefined when it got nothing. */
  readonly path?: string;
  readonly host?: string;
}

/** One request, its lines as they are; the host is `echo` unless they say another. */
async function ask(line: string, hosts: readonly string[] = ['host: echo']): Promise<Seen> {
  const text = [`${line} HTTP/1.1`, ...hosts, 'connection: close', '', ''].join('\r\n');
  const answer = await sendRaw({ to: server, text, isDone: isOneAnswer });
  const status = statusesIn(answer)[0] ?? 0;
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
  const start = body.indexOf('{');
  if (status !== 200 || start < 0) return { status };
  const { path, headers } = JSON.parse(body.slice(start, body.lastIndexOf('}') + 1));
  return { status, path, host: headers.host };
}

async function all<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  const next = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of next) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return results;
}

const bytes = Array.from({ length: 256 }, (_, code) => `%${code.toString(16).padStart(2, '0')}`);
const traversals = [
  '/admin',
  '/admin/',
  '/admin/x',
  '/admin?x',
  '/admin#x',
  '/admin%23x',
  '/admin%3fx',
  '/admin;x',
  '/admin/.',
  '/admin/..;/admin',
  '/./admin',
  '/.//admin',
  '/x/../admin',
  '/x/../../admin',
  '/x//../admin',
  '/x/./../admin',
  '//admin',
  '///admin',
  '/\\admin',
  '\\admin',
  '/x\\..\\admin',
  '/x/..\\admin',
  '/%2e/admin',
  '/%2e%2e/admin',
  '/x/%2e%2e/admin',
  '/x/.%2e/admin',
  '/x/%2E./admin',
  '/x/..%2fadmin',
  '/x%2f..%2fadmin',
  '/%2fadmin',
  '/x/..%5cadmin',
  '/%5cadmin',
  '/x/..;/admin',
  '/x/..;a=b/admin',
  '/x/%2e%2e;/admin',
  '/..;/admin',
  '/%252e%252e/admin',
  '/x/%252e%252e/admin',
  '/x/..%252fadmin',
  '/x/%c0%ae%c0%ae/admin',
  '/x/..%c0%afadmin',
  '/x/..%ef%bc%8fadmin',
  '/%61dmin',
  '/%41dmin',
  '/adm%69n',
  '/%61%64%6d%69%6e',
  '/ADMIN',
  '/admin%00',
  '/admin%20',
  '/admin%09',
  '/admin%0d%0a',
  '/admin..',
  '/admin../',
  '/admin/../admin',
  '/x/admin/../../admin',
  'admin',
  '*',
  'http://echo/admin',
  'http://echo//admin',
  'http://echo/x/../admin',
  'http://secret/%61dmin',
];
const paths = [
  ...traversals,
  ...bytes.flatMap((code) => [`/admin${code}`, `/${code}admin`, `/x/..${code}admin`, `/x/${code}./admin`]),
];

type Mode = 'NONE' | 'BASE' | 'MERGE_SLASHES' | 'DECODE_AND_MERGE_SLASHES';

/** As a server that does what the mode is for would read what it has got. */
function readBy(mode: Mode, seen: string): string {
  let path = seen.replace(/[?#].*$/s, '');
  if (mode === 'NONE') return path;
  if (mode === 'DECODE_AND_MERGE_SLASHES') path = path.replace(/%2f|%5c/gi, '/');
  path = path.replace(/%([0-9a-f]{2})/gi, (code, digits) => {
    const letter = String.fromCharCode(Number.parseInt(digits, 16));
    return /[\w.~-]/.test(letter) ? letter : code;
  });
  path = path.replaceAll('\\', '/');
  if (mode !== 'BASE') path = path.replace(/\/+/g, '/');
  const parts: string[] = [];
  for (const part of path.split('/').slice(1)) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

const isSecret = (path: string): boolean => path === '/admin' || path.startsWith('/admin/');

describe('[B10] [AU-7] paths, in each normalization', () => {
  it.each([
    ['NONE', '/x/../admin', 200],
    ['BASE', '/x/../admin', 403],
    ['MERGE_SLASHES', '//admin', 403],
    ['DECODE_AND_MERGE_SLASHES', '/%2fadmin', 403],
  ] as const)('%s: none of the list gets to what is denied', async (mode, probe, expected) => {
    await apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'istio', namespace: 'istio-system' },
      data: { mesh: `pathNormalization: {normalization: ${mode}}` },
    });
    await until('it is in force', async () => (await ask(`GET ${probe}`)).status === expected);
    const answers = await all(paths, async (path) => ({ path, seen: await ask(`GET ${path}`) }));
    const reached = answers.filter(
      ({ seen }) => seen.path !== undefined && isSecret(readBy(mode, seen.path)),
    );
    expect(reached).toEqual([]);
    // What is not refused is answered: the list is one of requests, not of broken connections.
    const others = answers.filter(({ seen }) => ![200, 400, 403, 404].includes(seen.status));
    expect(others).toEqual([]);
    expect(answers.filter(({ seen }) => seen.status === 403).length).toBeGreaterThan(5);
    expect(answers.filter(({ seen }) => seen.status === 200).length).toBeGreaterThan(100);
  });
});

const canonical = (host: string): string =>
  host.trim().toLowerCase().replace(/:\d+$/, '').replace(/\.+$/, '');

/** Envoy joins several into one. */
const hostsSeen = (host = ''): readonly string[] => host.split(',').map(canonical);

describe('[B11] [AU-7] hosts', () => {
  const spellings = [
    'secret.example',
    'SECRET.example',
    'secret.EXAMPLE',
    'secret.example.',
    'Secret.Example.',
    'secret.example:80',
    'secret.example:8080',
    'secret.example:0',
    'secret.example.:80',
    'secret.example:',
    'secret.example:x',
    'secret.example:99999',
    'secret.example..',
    ' secret.example ',
    '\tsecret.example',
    'user@secret.example',
    'secret.example@other',
    'secret.example/x',
    'secret.example\\x',
    'secret%2eexample',
    'other.example',
  ];
  const shapes = spellings.flatMap((host): readonly (readonly [string, readonly string[]])[] => [
    ['GET /', [`host: ${host}`]],
    ['GET /', [`Host:${host}`]],
    ['GET /', [`host: ${host}`, 'host: other.example']],
    ['GET /', ['host: other.example', `host: ${host}`]],
    [`GET http://${host.trim()}/`, ['host: other.example']],
    [`GET http://${host.trim()}/`, []],
    ['GET http://other.example/', [`host: ${host}`]],
    ['GET /', ['host: other.example', `x-forwarded-host: ${host}`]],
    ['GET /', ['host: other.example', `:authority: ${host}`]],
  ]);

  it('none of the list is one that is denied', async () => {
    const answers = await all(shapes, async ([line, hosts]) => ({
      line,
      hosts,
      seen: await ask(line, hosts),
    }));
    const reached = answers.filter(({ seen }) => hostsSeen(seen.host).includes('secret.example'));
    expect(reached).toEqual([]);
    expect(answers.filter(({ seen }) => seen.status === 403).length).toBeGreaterThan(20);
    expect(answers.filter(({ seen }) => seen.status === 200).length).toBeGreaterThan(5);
  });

  it('nor over HTTP/2, with another Host beside the authority', async () => {
    const statuses = await all(
      [
        [{ ':authority': 'SECRET.example.' }, 'denied'],
        [{ ':authority': 'secret.example:8081' }, 'denied'],
        [{ ':authority': 'secret.example', host: 'other.example' }, 'denied'],
        [{ ':authority': 'other.example' }, 'served'],
      ] as const,
      async ([headers, wanted]) => [wanted, (await http2Status(headers)) === 200 ? 'served' : 'denied'],
    );
    for (const [wanted, got] of statuses) expect(got).toBe(wanted);
    const other = await http2Answer({ ':authority': 'other.example', host: 'secret.example' });
    expect(other.includes('secret.example')).toBe(false);
  });
});

function http2Answer(headers: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve) => {
    const session = connect(`http://${http2}`);
    let text = '';
    const end = (): void => {
      session.destroy();
      resolve(text);
    };
    session.on('error', end);
    const stream = session.request({ ':path': '/', ...headers });
    stream.on('response', (answer) => {
      text = `${String(answer[':status'])} `;
    });
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    stream.on('error', end).on('close', end).setTimeout(5_000, end);
    stream.end();
  });
}

const http2Status = async (headers: Readonly<Record<string, string>>): Promise<number> =>
  Number((await http2Answer(headers)).split(' ', 1)[0]);

describe('[B14] [AU-7] names that look like patterns', () => {
  const from = (source: object) => ({ from: [{ source }] });
  const to = (operation: object) => ({ to: [{ operation }] });
  const through = async (path: string, headers: Readonly<Record<string, string>> = {}): Promise<number> =>
    (await fetchText({ url: `http://echo${path}`, proxy: `${guarded.client}:15001`, headers })).status;

  it('are compared letter by letter', async () => {
    const account = (name: string) => `cluster.local/ns/default/sa/${name}`;
    await apply(
      policy('lookalikes', {
        rules: [
          ...[
            'cl.ent',
            '[a-z]+',
            'client+',
            '(client)',
            'clien[t]',
            'c.*',
            'client|x',
            '^client$',
            'client\\b',
          ].map((name) => from({ principals: [account(name)] })),
          from({
            principals: ['cluster.local/ns/def.ult/sa/client', 'cluster.local/ns/(default)/sa/client'],
          }),
          from({ principals: ['cluster.local/ns/defaul[t]/sa/c*', 'cluster-local/ns/default/sa/client'] }),
          from({ namespaces: ['def.ult', '[a-z]efault', '(default)', 'default+', 'd.+'] }),
          from({ serviceAccounts: ['cl.ent'] }),
          to({ hosts: ['ech.', '(echo)', '[e]cho', 'echo+', 'echo|x'] }),
          to({
            paths: ['/op.n', '/open+', '/(open)', '/[o]pen', '/ope{1}n', '/open?'].filter(
              (p) => !p.includes('{'),
            ),
          }),
          to({ methods: ['G.T', '[G]ET', 'GET+', '(GET)'] }),
          { when: [{ key: 'request.headers[x-v]', values: ['v.', '(v1)', 'v[1]', 'v1+'] }] },
          to({ paths: ['/a.b+(c)$'] }),
        ],
      }),
    );
    await until('it holds', async () => (await through('/open', { 'x-v': 'v1' })) === 403);
    expect(await through('/a.b+(c)$')).toBe(200);
    expect(await through('/aXbb(c)')).toBe(403);
    await guarded.mesh.xebec(['delete', 'AuthorizationPolicy', 'lookalikes', '--wait']);
  });
});

describe('[AU-6] identity, not place', () => {
  const workload = (name: string, account: string): object => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { serviceAccountName: account, containers: [{ name: 'client', image: 'xebec.test/echo:1' }] },
      },
    },
  });

  it('another address keeps the decision, another service account changes it', async () => {
    await apply(
      workload('moved', 'client'),
      workload('renamed', 'stranger'),
      policy('only-client', { rules: [{ from: [{ source: { serviceAccounts: ['client'] } }] }] }),
    );
    const ready = async (name: string): Promise<string | undefined> =>
      (await guarded.mesh.pods()).find((pod) => pod.name.startsWith(name) && pod.isReady)?.ip;
    await until('both run', async () => (await ready('moved')) && (await ready('renamed')), 60_000);
    const statusFrom = async (ip: string): Promise<number> =>
      (await fetchText({ url: 'http://echo/', proxy: `${ip}:15001` })).status;
    const [moved = '', renamed = ''] = [await ready('moved'), await ready('renamed')];
    await until('it holds', async () => (await statusFrom(guarded.stranger)) === 403);
    expect(moved).not.toBe(guarded.client);
    // A connection that was open before takes one more request under the old policy.
    await until('all are decided by who they are', async () => {
      const found = [await statusFrom(guarded.client), await statusFrom(moved), await statusFrom(renamed)];
      return found.join() === '200,200,403';
    });
  });
});
