// An agent with a control plane of its own, for tests: Deployments of the echo application come and go, a gateway leads to them.
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentEvent, AgentHandle, AgentOptions } from '../index.ts';
import { runAgent } from '../index.ts';
import type { PodReport } from '../workloads/pod-manifest.ts';
import { envoyPath } from './envoy-for-tests.ts';
import { FakeControlPlane } from './fake-control-plane.ts';
import { until } from './until.ts';

const directoryOfEcho = path.dirname(fileURLToPath(new URL('./echo.mjs', import.meta.url)));

export interface EchoMeshOptions {
  readonly leafTtlMs?: number;
  readonly agent?: Partial<AgentOptions>;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export class EchoMesh implements AsyncDisposable {
  readonly directory: string;
  readonly control: FakeControlPlane;
  readonly events: AgentEvent[] = [];
  readonly #options: EchoMeshOptions;
  #agent: AgentHandle | undefined;

  constructor(options: EchoMeshOptions) {
    this.#options = options;
    this.directory = mkdtempSync(path.join(tmpdir(), 'xebec-agent-'));
    const { leafTtlMs } = options;
    this.control = new FakeControlPlane({
      directory: this.directory,
      ...(leafTtlMs === undefined ? {} : { leafTtlMs }),
    });
  }

  static async start(options: EchoMeshOptions = {}): Promise<EchoMesh> {
    const mesh = new EchoMesh(options);
    await mesh.control.start();
    await mesh.startAgent();
    return mesh;
  }

  get agent(): AgentHandle {
    if (this.#agent === undefined) throw new Error('the agent has not been started');
    return this.#agent;
  }

  get stateDirectory(): string {
    return path.join(this.directory, 'state');
  }

  get options(): AgentOptions {
    return {
      stateDirectory: this.stateDirectory,
      controlSocket: this.control.controlSocket,
      xdsAddress: this.control.xdsAddress,
      rootsFile: this.control.rootsFile,
      envoyPath: envoyPath ?? '',
      capture: 'explicit',
      metricsAccess: 'open',
      terminationDrainMs: 500,
      shutdownDrainMs: 50,
      localImages: [
        {
          directory: directoryOfEcho,
          images: [{ image: 'echo', command: ['node', 'echo.mjs'] }],
          gateways: [],
        },
      ],
      onEvent: (event) => void this.events.push(event),
      ...this.#options.agent,
    };
  }

  async startAgent(): Promise<void> {
    this.#agent = await runAgent(this.options);
  }

  /** Deploys the echo application; `container` and `template` add to what is needed. */
  deploy(name: string, { replicas = 1, container = {}, template = {} }: Deployment = {}): void {
    const { labels = {}, annotations = {}, ...spec } = template;
    this.control.set(`Deployment/default/${name}`, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: 'default' },
      spec: {
        replicas,
        selector: { matchLabels: { app: 'echo' } },
        template: {
          metadata: { labels: { app: 'echo', version: 'v1', ...labels }, annotations },
          spec: {
            serviceAccountName: 'echo',
            terminationGracePeriodSeconds: 5,
            ...spec,
            containers: [{ ...echoContainer, ...container }],
          },
        },
      },
    });
  }

  pods(workload: string): readonly PodReport[] {
    return this.agent.pods().filter((pod) => pod.workload === workload && !pod.isTerminating);
  }

  /** The Pods of a workload once that many are ready. */
  ready(workload: string, count = 1): Promise<readonly PodReport[]> {
    return until(`${count} ready Pods of ${workload}`, () => {
      const pods = this.pods(workload).filter(({ isReady }) => isReady);
      return pods.length === count && pods;
    });
  }

  /** The same, once requests through the proxy of the first are answered: its proxy has heard of the endpoints, too. */
  async serving(workload: string, count = 1): Promise<readonly PodReport[]> {
    const pods = await this.ready(workload, count);
    const [first] = pods;
    await until(`requests from ${workload}`, async () => {
      const answer = await get(first?.address ?? '', 15_001, '/').catch(() => undefined);
      return answer?.status === 200;
    });
    return pods;
  }

  log(pod: string, name: string): string {
    return path.join(this.stateDirectory, 'logs', pod, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.close();
    await this.control.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface Deployment {
  readonly replicas?: number;
  readonly container?: Readonly<Record<string, unknown>>;
  readonly template?: Readonly<Record<string, unknown>> & {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

const echoContainer = {
  name: 'echo',
  image: 'echo',
  ports: [{ containerPort: 9080 }],
  readinessProbe: { httpGet: { path: '/health', port: 9080 }, periodSeconds: 1 },
};

/** One request on a connection of its own. */
export const get = (host: string, port: number, url: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const request = http.get({ host, port, path: url, agent: false, timeout: 5_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error('no answer')));
  });
