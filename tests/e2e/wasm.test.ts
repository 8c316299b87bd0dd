// Extensions on real Envoys: modules from files, web servers and registries, in their order, for their traffic, and what happens without them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { scrape, sum } from './support/metrics.ts';
import { type ModuleServer, startModuleServer } from './support/module-server.ts';
import { assembleCloser, assembleFilter, assembleOther, type Module } from './support/wasm.ts';

let mesh: Mesh;
let server: ModuleServer;
let filter: Module;
let proxy: string;
let echo: string;
const directory = mkdtempSync(join(tmpdir(), 'xb-modules-'));
const file = join(directory, 'filter.wasm');
const fileOf = (name: string, { bytes }: Module): string => {
  writeFileSync(join(directory, name), bytes);
  return `"file://${join(directory, name)}"`;
};

const edge = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge}
spec: {hosts: ["*"], gateways: [edge], http: [{route: [{destination: {host: echo, port: {number: 80}}}]}]}
`;

beforeAll(async () => {
  filter = await assembleFilter();
  writeFileSync(file, filter.bytes);
  server = await startModuleServer();
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
  echo = (await mesh.pod('echo')).ip;
  expect((await mesh.apply(edge)).code).toBe(0);
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  server?.[Symbol.dispose]();
  rmSync(directory, { recursive: true, force: true });
});

const present = new Set<string>();
const extension = (kind: string, name: string, spec: string, namespace = 'default'): string => {
  present.add(`${kind} ${name} ${namespace}`);
  return `apiVersion: extensions.istio.io/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {${spec}}\n---\n`;
};
const plugin = (name: string, spec: string): string => extension('WasmPlugin', name, spec);
const inbound = 'selector: {matchLabels: {app: echo}}, match: [{mode: SERVER}]';
const outbound = 'selector: {matchLabels: {app: client}}, match: [{mode: CLIENT}]';

const ask = (host = 'echo'): Promise<Answer> => fetchText({ url: `http://${host}/`, proxy });
const marks = ({ headers }: Answer): string => String(headers['x-wasm'] ?? '');
const statusOf = async (host?: string): Promise<number> => (await ask(host)).status;

async function applied(yaml: string): Promise<void> {
  const run = await mesh.apply(yaml);
  expect(`${run.code} ${run.stderr}`).toMatch(/^0 /);
}
/** Without waiting for proxies: some will not take it. */
const given = async (yaml: string): Promise<void> => {
  const run = await mesh.xebec(['apply', '-f', '-'], { input: yaml });
  expect(`${run.code} ${run.stderr}`).toMatch(/^0 /);
};
const marked = (text: string, host?: string): Promise<unknown> =>
  until(`the mark ${text}`, async () => marks(await ask(host)) === text);

afterEach(async () => {
  for (const each of present) {
    const [kind = '', name = '', namespace = ''] = each.split(' ');
    await mesh.xebec(['delete', kind.toLowerCase(), name, '-n', namespace]);
  }
  present.clear();
  await until('nothing is left', async () => {
    const answer = await ask();
    return answer.status === 200 && marks(answer) === '';
  });
});

describe('[DP-23] a Wasm module', () => {
  it('from a file adds a header, counts, and sees the variables that it is given', async () => {
    const variables = 'vmConfig: {env: [{name: POD_NAME, valueFrom: HOST}, {name: MODE, value: strict}]}';
    await applied(
      plugin('file', `${inbound}, url: "file://${file}", pluginConfig: {from: file}, ${variables}`),
    );
    await marked('{"from":"file"}');
    const seen = String((await ask()).headers['x-wasm-env']);
    expect(seen.split(',').sort()).toEqual(['MODE=strict', `POD_NAME=${(await mesh.pod('echo')).name}`]);
    const before = sum(await scrape(echo), 'x_wasm_requests', {});
    for (let each = 0; each < 5; each++) await ask();
    const shown = await mesh.xebec(['proxy-config', 'ecds', 'echo-v1']);
    expect(shown.stdout).toMatch(
      /wasmplugin\/default\.file +http\.wasm +ACTIVE .*WasmPlugin\/default\/file#spec/,
    );
    expect(shown.stdout).toContain(filter.sum.slice(0, 12));
    await until('it has counted', async () => sum(await scrape(echo), 'x_wasm_requests', {}) === before + 5);
  });

  it('from a web server is fetched once for all proxies, and has the sum that it should', async () => {
    server.serve('/filter.wasm', filter.bytes);
    const url = `url: "http://${server.host}/filter.wasm", sha256: "${filter.sum}"`;
    await applied(plugin('web', `${url}, pluginConfig: {from: web}`));
    await until('both sidecars have it', async () => marks(await ask()) === '{"from":"web"}, {"from":"web"}');
    expect(server.asked.filter((path) => path === '/filter.wasm')).toHaveLength(1);
  });

  it('from a registry is an artifact or a file in an image, by tag or by digest', async () => {
    server.push('team/artifact:v1', filter.bytes);
    const digest = server.push('team/image:v1', filter.bytes, 'image');
    await applied(
      plugin('artifact', `${inbound}, url: "oci://${server.host}/team/artifact:v1", pluginConfig: {v: 1}`),
    );
    await marked('{"v":1}');
    const image = `url: "oci://${server.host}/team/image@sha256:${digest}", pluginConfig: {v: 2}`;
    await applied(plugin('artifact', `${inbound}, ${image}`));
    await marked('{"v":2}');
  });

  it('from a registry that knows its users, with the credentials of a Secret', async () => {
    server.push('team/private:v1', filter.bytes, 'image');
    server.protect('me:password');
    const auth = Buffer.from('me:password').toString('base64');
    const config = JSON.stringify({ auths: { [server.host]: { auth } } });
    await applied(
      `apiVersion: v1\nkind: Secret\nmetadata: {name: registry}\ntype: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: '${config}'}\n`,
    );
    const spec = `${inbound}, url: "oci://${server.host}/team/private:v1"`;
    await given(plugin('private', spec));
    await until('nobody gets it without', async () => (await statusOf()) === 503);
    await given(plugin('private', `${spec}, imagePullSecret: registry, pluginConfig: {v: 3}`));
    await marked('{"v":3}');
  });

  it('that comes late is put in place without anybody’s doing', async () => {
    await given(
      plugin('late', `${inbound}, url: "http://${server.host}/late.wasm", pluginConfig: {is: late}`),
    );
    await until('it is missed', async () => (await statusOf()) === 503);
    server.serve('/late.wasm', filter.bytes);
    await marked('{"is":"late"}');
    await until('nothing is refused any more', async () => {
      const { stdout } = await mesh.xebec(['proxy-status', '-o', 'json']);
      return !stdout.includes('late.wasm');
    });
  });
});

describe('[DP-23] the filters of a proxy', () => {
  it('are in the order of phase, then priority, then name', async () => {
    const url = `url: "file://${file}"`;
    const all: readonly (readonly [string, string])[] = [
      ['a', 'priority: -1'],
      ['b', 'phase: STATS'],
      ['c', 'phase: AUTHZ, priority: 5'],
      ['d', 'phase: AUTHZ, priority: 10'],
      ['e', 'phase: AUTHN'],
      ['f', 'priority: 7'],
      ['g', ''],
      ['h', ''],
    ];
    const yaml = all.map(([name, where]) =>
      plugin(name, [inbound, url, `pluginConfig: {n: ${name}}`, where].filter(Boolean).join(', ')),
    );
    await applied(yaml.join(''));
    await until('all are there', async () => marks(await ask()).split(', ').length === all.length);
    const { headers } = JSON.parse((await ask()).body) as { readonly headers: Record<string, string> };
    const passed = [...(headers['x-wasm-order'] ?? '').matchAll(/"n":"(\w)"/g)].map(([, name]) => name);
    expect(passed).toEqual(['e', 'd', 'c', 'b', 'f', 'g', 'h', 'a']);
  });

  it('are where match says: by direction and port', async () => {
    const url = `url: "file://${file}"`;
    const at = (mode: string, port: number): string => `match: [{mode: ${mode}, ports: [{number: ${port}}]}]`;
    await applied(
      plugin(
        'in',
        `selector: {matchLabels: {app: echo}}, ${at('SERVER', 8081)}, ${url}, pluginConfig: {in: 8081}`,
      ) +
        plugin(
          'out',
          `selector: {matchLabels: {app: client}}, ${at('CLIENT', 80)}, ${url}, pluginConfig: {out: 80}`,
        ),
    );
    await marked('{"out":80}');
    await marked('{"out":80}', 'echo:80');
    await marked('{"in":8081}', 'echo:8082');
    await applied(plugin('in', `selector: {matchLabels: {app: echo}}, ${at('CLIENT', 8081)}, ${url}`));
    await marked('', 'echo:8082');
    await given(plugin('in', `selector: {matchLabels: {app: echo}}, ${at('SERVER', 7)}, ${url}`));
    await until('a filter without a place is told', async () =>
      (await mesh.xebec(['get', 'wasmplugin', 'in', '-o', 'yaml'])).stdout.includes('has no place on'),
    );
  });

  it('are told something else while connections go on', async () => {
    const spec = (value: number): string =>
      plugin('live', `${outbound}, url: "file://${file}", pluginConfig: {v: ${value}}`);
    await applied(spec(1));
    await marked('{"v":1}');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const first = await through(agent);
    await applied(spec(2));
    const last = await until('the new configuration', async () => {
      const found = await through(agent);
      return found.mark === '{"v":2}' && found;
    });
    expect([first.mark, last.port]).toEqual(['{"v":1}', first.port]);
    agent.destroy();
  });

  it('stand at gateways too', async () => {
    const select =
      'selector: {matchLabels: {istio: ingressgateway}}, match: [{mode: CLIENT, ports: [{number: 80}]}]';
    await applied(
      extension(
        'WasmPlugin',
        'edge',
        `${select}, url: "file://${file}", pluginConfig: {at: edge}`,
        'istio-system',
      ),
    );
    await until(
      'the mark',
      async () => marks(await fetchText({ url: `${mesh.ingress}/` })) === '{"at":"edge"}',
    );
    expect(marks(await ask())).toBe('');
  });
});

/** One request over the agent's connection, and which connection that was. */
const through = (agent: Agent): Promise<{ readonly mark: string; readonly port: number | undefined }> =>
  new Promise((resolve, reject) => {
    const [host, port] = proxy.split(':');
    request({ host, port, path: 'http://echo/', headers: { host: 'echo' }, agent }, (response) => {
      const { localPort } = response.socket;
      response
        .resume()
        .on('end', () => resolve({ mark: String(response.headers['x-wasm']), port: localPort }));
    })
      .on('error', reject)
      .end();
  });

describe('[DP-23] without its module', () => {
  const wrong = `url: "file://${file}", sha256: "${'0'.repeat(64)}"`;

  it('FAIL_CLOSE gives 503, FAIL_OPEN passes, other ways are as they were, and somebody says why', async () => {
    await given(plugin('bad', `${inbound}, ${wrong}`));
    await until('it refuses', async () => (await statusOf()) === 503);
    const other = await fetchText({ url: `http://${(await mesh.pod('client')).ip}:8080/` }).catch(
      () => undefined,
    );
    expect(other?.status ?? 200).toBe(200);
    await until('the status says why', async () => {
      const { stdout } = await mesh.xebec(['proxy-status', '-o', 'json']);
      return stdout.includes('its SHA-256 sum is') && stdout.includes('WasmPlugin/default/bad');
    });
    await given(plugin('bad', `${inbound}, ${wrong}, failStrategy: FAIL_OPEN`));
    await until('it passes', async () => (await statusOf()) === 200);
    expect((await mesh.xebec(['pc', 'ecds', 'echo-v1'])).stdout).toMatch(/default\.bad +http\.lua +MISSING/);
    await given(plugin('bad', `${inbound}, ${wrong}`));
    await until('it refuses again', async () => (await statusOf()) === 503);
    await given(
      plugin('bad', `${inbound}, url: "file://${file}", sha256: "${filter.sum}", pluginConfig: {is: good}`),
    );
    await marked('{"is":"good"}');
    await given(plugin('bad', `${inbound}, ${wrong}`));
    await until('what was good before does not stay', async () => (await statusOf()) === 503);
  });

  it('what is no filter, no module or no file is refused in words', async () => {
    const cases: readonly (readonly [string, string])[] = [
      [fileOf('other.wasm', await assembleOther()), 'exports no proxy_abi_version'],
      [fileOf('text.wasm', { bytes: Buffer.from('hello'), sum: '' }), 'it is not a WebAssembly module'],
      [`"file://${directory}/nothing.wasm"`, 'ENOENT'],
      [`"oci://${server.host}/team/nothing:v1"`, 'answers 40'],
    ];
    for (const [url, words] of cases) {
      await given(plugin('strange', `${inbound}, url: ${url}`));
      await until(words, async () =>
        (await mesh.xebec(['proxy-status', '-o', 'json'])).stdout.includes(words),
      );
      await until('it refuses', async () => (await statusOf()) === 503);
    }
  });

  it('one that breaks refuses or is passed by from then on', async () => {
    const url = `url: ${fileOf('break.wasm', await assembleFilter('break'))}`;
    await given(plugin('break', `${inbound}, ${url}`));
    await until('it refuses', async () => (await statusOf()) === 503);
    await given(plugin('break', `${inbound}, ${url}, failStrategy: FAIL_OPEN`));
    await until('it is passed by', async () => {
      const all = await Promise.all([1, 2, 3, 4, 5].map(() => statusOf()));
      return all.every((status) => status === 200);
    });
  });
});

/** What a connection to the TCP server of the application gives before it ends. */
const greeting = (): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect({ host: echo, port: 9000 });
    let text = '';
    socket.on('data', (part: Buffer) => {
      text += part.toString();
      socket.write('hello\n');
      if (text.includes('hello')) socket.end();
    });
    socket.on('connect', () => socket.write('first\n'));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });

describe('[DP-23] a NETWORK module', () => {
  it('sees connections, and refuses them when it is missing', async () => {
    const closer = await assembleCloser();
    await until('the server echoes', async () => (await greeting()).includes('hello'));
    const select =
      'selector: {matchLabels: {app: echo}}, match: [{mode: SERVER, ports: [{number: 9000}]}], type: NETWORK';
    await applied(plugin('closer', `${select}, url: ${fileOf('closer.wasm', closer)}`));
    await until('it closes', async () => !(await greeting()).includes('hello'));
    expect(await statusOf()).toBe(200);
    await given(
      plugin('closer', `${select}, url: "file://${directory}/nothing.wasm", failStrategy: FAIL_OPEN`),
    );
    await until('it passes', async () => (await greeting()).includes('hello'));
    await given(plugin('closer', `${select}, url: "file://${directory}/nothing.wasm"`));
    await until('it refuses', async () => !(await greeting()).includes('hello'));
  });
});

describe('[DP-23] a TrafficExtension', () => {
  const script = (header: string): string =>
    `lua: {inlineCode: 'function envoy_on_response(handle) handle:headers():add("${header}", "yes") end'}`;

  it('is a script, or what a WasmPlugin is', async () => {
    await applied(
      extension('TrafficExtension', 'script', `${inbound}, ${script('x-script')}`) +
        extension(
          'TrafficExtension',
          'module',
          `${inbound}, wasm: {url: "file://${file}", pluginConfig: {a: b}}`,
        ),
    );
    await marked('{"a":"b"}');
    await until('the script runs', async () => (await ask()).headers['x-script'] === 'yes');
    await applied(extension('TrafficExtension', 'script', `${inbound}, ${script('x-other')}`));
    await until('the other script runs', async () => (await ask()).headers['x-other'] === 'yes');
  });

  it('whose script cannot be read changes nothing, and says so', async () => {
    await given(
      extension(
        'TrafficExtension',
        'broken',
        `${inbound}, lua: {inlineCode: 'function envoy_on_request(handle'}`,
      ),
    );
    await until('the status says why', async () => {
      const { stdout } = await mesh.xebec(['proxy-status', '-o', 'json']);
      return stdout.includes('script load error') && stdout.includes('TrafficExtension/default/broken');
    });
    expect(await statusOf()).toBe(200);
  });
});
