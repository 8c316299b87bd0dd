// HTTP through a sidecar or a gateway, one request at a time or as a bounded load.

import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Call {
  readonly url: string;
  /** `IP:PORT` of an HTTP proxy that gets the absolute URL. */
  readonly proxy?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly agent?: Agent;
  readonly timeoutMs?: number;
  readonly body?: string;
}

/** Rejects when there is no answer. */
export function fetchText(call: Call): Promise<Answer> {
  const url = new URL(call.url);
  const [proxyHost, proxyPort] = call.proxy?.split(':') ?? [];
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: proxyHost ?? url.hostname,
        port: proxyPort ?? (url.port === '' ? 80 : url.port),
        path: call.proxy === undefined ? `${url.pathname}${url.search}` : call.url,
        method: call.method ?? 'GET',
        headers: { host: url.host, ...call.headers },
        timeout: call.timeoutMs ?? 10_000,
        ...(call.agent === undefined ? {} : { agent: call.agent }),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          body += part;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
        response.on('error', reject);
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('timed out')));
    outgoing.on('error', reject).end(call.body);
  });
}

export interface LoadResult {
  readonly sent: number;
  /** What went wrong, by status or error. */
  readonly failures: Readonly<Record<string, number>>;
}

export interface Load {
  /** Requests so far. */
  readonly sent: number;
  stop(): Promise<LoadResult>;
}

/** An open-loop load that goes on until it is stopped; at most `limitMs`. */
export function startLoad(call: Call, rate: number, limitMs = 240_000): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const failures: Record<string, number> = {};
  const open = new Set<Promise<void>>();
  let sent = 0;
  const fire = (): void => {
    sent++;
    const done = fetchText({ ...call, agent })
      .then(
        ({ status }) => (status === 200 ? undefined : `status ${status}`),
        (error: unknown) => String(error),
      )
      .then((failure) => {
        if (failure !== undefined) failures[failure] = (failures[failure] ?? 0) + 1;
        open.delete(done);
      });
    open.add(done);
  };
  const timer = setInterval(fire, 1000 / rate);
  const limit = setTimeout(() => clearInterval(timer), limitMs);
  return {
    get sent() {
      return sent;
    },
    async stop() {
      clearInterval(timer);
      clearTimeout(limit);
      await Promise.all(open);
      agent.destroy();
      return { sent, failures };
    },
  };
}

/** Counts answers by what `key` says of them. */
export async function tally(
  call: Call,
  count: number,
  key: (answer: Answer) => string,
): Promise<Readonly<Record<string, number>>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const counts: Record<string, number> = {};
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const name = key(await fetchText({ ...call, agent }));
      counts[name] = (counts[name] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  agent.destroy();
  return counts;
}
