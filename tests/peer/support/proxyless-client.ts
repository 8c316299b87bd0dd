// The test's side of a proxyless gRPC client.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Calls {
  readonly id: number;
  readonly target: string;
  readonly count: number;
  readonly request: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly deadlineMs: number;
}

/** How often each answer came; a failure is its status code and what was said. */
export interface Answers {
  readonly id: number;
  readonly counts: Readonly<Record<string, number>>;
}

export interface ProxylessClient {
  call(target: string, options?: Partial<Omit<Calls, 'id' | 'target'>>): Promise<Answers['counts']>;
  close(): Promise<void>;
}

export function startProxylessClient(xdsPort: number, namespace = 'default'): ProxylessClient {
  const bootstrap = {
    xds_servers: [
      {
        server_uri: `127.0.0.1:${xdsPort}`,
        channel_creds: [{ type: 'insecure' }],
        server_features: ['xds_v3'],
      },
    ],
    node: {
      id: `sidecar~127.0.9.7~client.${namespace}~${namespace}.svc.cluster.local`,
      metadata: { GENERATOR: 'grpc', NAMESPACE: namespace },
      locality: { region: '', zone: '', sub_zone: '' },
    },
  };
  const child = fork(fileURLToPath(new URL('./proxyless-process.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(bootstrap) },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let last = 0;
  return {
    call: (target, options = {}) =>
      ask(child, {
        id: ++last,
        target,
        count: 1,
        request: 'hello',
        headers: {},
        deadlineMs: 10_000,
        ...options,
      }),
    close: () => stop(child),
  };
}

function ask(child: ChildProcess, calls: Calls): Promise<Answers['counts']> {
  return new Promise((resolve, reject) => {
    const onAnswers = (answers: Answers): void => {
      if (answers.id !== calls.id) return;
      child.off('message', onAnswers);
      child.off('exit', onExit);
      resolve(answers.counts);
    };
    const onExit = (code: number | null): void => reject(new Error(`the client ended with ${code}`));
    child.on('message', onAnswers);
    child.on('exit', onExit);
    child.send(calls);
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
