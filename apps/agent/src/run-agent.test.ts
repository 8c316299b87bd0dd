// The whole agent with real Envoys: what runs, in which order, and what is left when it ends.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isRecord } from './control/object-watch.ts';
import { type LocalImages, workloadSockets } from './index.ts';
import { EchoMesh, get } from './testing/echo-mesh.ts';
import { envoyPath } from './testing/envoy-for-tests.ts';
import { until } from './testing/until.ts';

const gateway: LocalImages = {
  directory: '/',
  images: [],
  gateways: [
    {
      name: 'ingress',
      namespace: 'istio-system',
      labels: { istio: 'ingressgateway' },
      serviceAccountName: 'ingress',
      ports: [{ name: 'http', port: 80, hostPort: 18_480 }],
    },
  ],
};

describe.skipIf(envoyPath === undefined)('an agent with its workloads', () => {
  let mesh: EchoMesh;
  let blocker: ReturnType<typeof createServer>;

  beforeAll(async () => {
    blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(18_480, '127.0.0.1', resolve));
    const probe = new EchoMesh({});
    const { localImages } = probe.options;
    await probe[Symbol.asyncDispose]();
    mesh = await EchoMesh.start({ agent: { localImages: [...localImages, gateway] } });
    mesh.deploy('echo', {
      container: {
        env: [{ name: 'GREETING', value: 'I am $(POD_NAME)' }],
        args: ['--from', '$(POD_NAMESPACE)'],
      },
      template: { annotations: { 'prometheus.io/scrape': 'true' } },
    });
    await mesh.ready('echo');
    await mesh.ready('ingress');
  });
  afterAll(async () => {
    blocker.close();
    await mesh[Symbol.asyncDispose]();
  });

  const echo = () => mesh.pods('echo')[0];
  const ingress = () => mesh.pods('ingress')[0];

  test('a gateway whose port is taken says so, and leads to the application over mutual TLS', async () => {
    const port = ingress()?.hostPorts[80] ?? 0;
    expect(port).toBeGreaterThan(18_480);
    expect(mesh.events).toContainEqual(
      expect.objectContaining({ kind: 'gateway-port', port: 80, wantedPort: 18_480, hostPort: port }),
    );
    const answer = await until('an answer', async () => {
      const given = await get('127.0.0.1', port, '/');
      return given.status === 200 && given;
    });
    expect(JSON.parse(answer.body)).toMatchObject({
      pod: echo()?.name,
      args: ['--from', 'default'],
      env: {
        GREETING: `I am ${echo()?.name}`,
        PORT: '9080',
        POD_NAMESPACE: 'default',
        POD_IP: echo()?.address,
      },
    });
    const body: unknown = JSON.parse(answer.body);
    const environment = isRecord(body) && isRecord(body['env']) ? body['env'] : {};
    expect(environment['http_proxy']).toBe(`http://${echo()?.address}:15001`);
    expect(environment['BIND_ADDRESS']).not.toBe(echo()?.address);
    expect(Object.keys(environment)).not.toContain('ENVOY_PATH');
  });

  test('plaintext does not reach an application through its proxy, and its proxy is the only way in', async () => {
    await expect(get(echo()?.address ?? '', 9080, '/')).rejects.toThrow();
    expect(mesh.control.discovery.rejections).toEqual([]);
  });

  test('each proxy proves its identity, and tells its place', () => {
    const names = [...mesh.control.discovery.identities];
    expect(names).toContainEqual([
      `sidecar~${echo()?.address}~${echo()?.name}.default~default.svc.cluster.local`,
      'URI:spiffe://cluster.local/ns/default/sa/echo',
    ]);
    expect(names).toContainEqual([
      `router~127.0.0.1~${ingress()?.name}.istio-system~istio-system.svc.cluster.local`,
      'URI:spiffe://cluster.local/ns/istio-system/sa/ingress',
    ]);
    expect(mesh.control.tokensIssued).toBe(2);
  });

  test('the Pod is known as Kubernetes would say it', () => {
    expect(mesh.control.pods.get(`Pod/default/${echo()?.name}`)).toMatchObject({
      metadata: {
        labels: { app: 'echo', version: 'v1', 'security.istio.io/tlsMode': 'istio' },
        ownerReferences: [{ kind: 'ReplicaSet', controller: true }],
      },
      spec: { nodeName: 'local', serviceAccountName: 'echo' },
      status: {
        phase: 'Running',
        podIP: echo()?.address,
        conditions: [
          { type: 'ContainersReady', status: 'True' },
          { type: 'Ready', status: 'True' },
        ],
        containerStatuses: [
          { name: 'istio-proxy', ready: true, restartCount: 0 },
          { name: 'echo', ready: true, restartCount: 0, state: { running: {} } },
        ],
      },
    });
    expect(mesh.control.pods.get(`Pod/istio-system/${ingress()?.name}`)).toMatchObject({
      metadata: { annotations: { 'local.xebec.io/ports': JSON.stringify(ingress()?.hostPorts) } },
    });
  });

  test('health and the metrics of both are on the workload address', async () => {
    const { address = '' } = echo() ?? {};
    expect((await get(address, 15_021, '/healthz/ready')).status).toBe(200);
    const page = await until('the standard metrics', async () => {
      const { body } = await get(address, 15_020, '/stats/prometheus');
      return body.includes('istio_requests_total{') && body;
    });
    expect(page).toMatch(
      /^istio_requests_total\{reporter="destination",response_code="200",response_flags="-",source_principal="spiffe:\/\/cluster.local\/ns\/istio-system\/sa\/ingress",destination_workload="echo",destination_version="v1",source_app="unknown"\} \d+$/m,
    );
    expect(page).toMatch(/^echo_requests_total 1$/m);
    expect(page).toMatch(/^envoy_server_live\{\} 1$/m);
    expect(page).not.toContain('envoy_istio_');
  });

  test('nobody else may look into what belongs to a proxy, and no key is on the disk', () => {
    const { name = '' } = echo() ?? {};
    const sockets = workloadSockets(mesh.stateDirectory, name);
    const directory = path.dirname(sockets.admin);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const files = readdirSync(directory).map((file) => path.join(directory, file));
    expect(files.toSorted()).toEqual(
      [sockets.admin, sockets.agent, sockets.xds, path.join(directory, 'bootstrap.json')].toSorted(),
    );
    for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(path.join(directory, 'bootstrap.json'), 'utf8')).not.toContain('PRIVATE');
  });

  test('logs of the application, its Envoy and its requests are kept apart', async () => {
    const { name = '' } = echo() ?? {};
    expect(readFileSync(mesh.log(name, 'app.log'), 'utf8')).toContain('listening on');
    await until('an access log line', () =>
      readFileSync(mesh.log(name, 'access.log'), 'utf8').includes('GET / HTTP'),
    );
    expect(readFileSync(mesh.log(name, 'envoy.log'), 'utf8')).not.toContain('critical');
  });

  test('the application starts after its proxy is ready', () => {
    const stages = mesh.events.flatMap((event) =>
      event.kind === 'pod' && event.workload === 'echo' ? [event.stage] : [],
    );
    expect(stages).toEqual(['capture', 'certificate', 'proxy', 'application', 'ready']);
  });
});

describe.skipIf(envoyPath === undefined)('the order of starts', () => {
  test('an application is held back for as long as its proxy has no configuration', async () => {
    await using mesh = new EchoMesh({});
    mesh.control.discovery.isSilent = true;
    await mesh.control.start();
    await mesh.startAgent();
    mesh.deploy('echo');
    await until('a proxy that asks', () => mesh.control.discovery.nodes.size === 1);
    const [pod] = mesh.pods('echo');
    expect(pod).toMatchObject({ isReady: false, phase: 'Pending', message: 'its proxy is not ready' });
    expect(mesh.events.some((event) => event.kind === 'pod' && event.stage === 'application')).toBe(false);
    expect(
      (await get(pod?.address ?? '', 15_021, '/healthz/ready').catch(() => ({ status: 0 }))).status,
    ).not.toBe(200);
    await mesh.control.kill();
    mesh.control.discovery.isSilent = false;
    await mesh.control.start();
    await mesh.ready('echo');
  });

  test('a workload waits for the control plane, and says so', async () => {
    await using mesh = new EchoMesh({});
    await mesh.startAgent();
    await until('an event', () =>
      mesh.events.some((event) => event.kind === 'control-plane' && event.state === 'disconnected'),
    );
    await mesh.control.start();
    // The address of the control plane was not known before; a new agent has it.
    await mesh.agent.close();
    await mesh.startAgent();
    mesh.deploy('echo');
    await mesh.ready('echo');
  });
});

describe.skipIf(envoyPath === undefined)('the end', () => {
  test('nothing is left: no process, no socket, no Pod', async () => {
    await using mesh = await EchoMesh.start();
    mesh.deploy('echo', { replicas: 2 });
    const pods = await mesh.serving('echo', 2);
    const answers = await Promise.all(pods.map(() => get(pods[0]?.address ?? '', 15_001, '/')));
    const pids = answers.map(({ body }) => Number(/"pid":(\d+)/.exec(body)?.[1]));
    await mesh.agent.close();
    expect(mesh.control.pods.size).toBe(0);
    expect(readdirSync(path.join(mesh.stateDirectory, 'run'))).toEqual([]);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    for (const { name } of pods) expect(readFileSync(mesh.log(name, 'app.log'), 'utf8')).toContain('ending');
    await expect(get(pods[0]?.address ?? '', 15_021, '/healthz/ready')).rejects.toThrow('ECONNREFUSED');
  });

  test('Pods that a killed agent left in the store are removed', async () => {
    await using mesh = new EchoMesh({});
    await mesh.control.start();
    const stale = { metadata: { labels: { 'pod-template-hash': 'x' } }, spec: { nodeName: 'local' } };
    mesh.control.plantPod('Pod/default/stale', stale);
    mesh.control.plantPod('Pod/default/of-others', {
      metadata: { labels: {} },
      spec: { nodeName: 'elsewhere' },
    });
    await mesh.startAgent();
    await until('the stale Pod to go', () => !mesh.control.pods.has('Pod/default/stale'));
    expect([...mesh.control.pods.keys()]).toEqual(['Pod/default/of-others']);
  });
});
