// What the command makes of a control plane's answers that are hard to come by: refusals by proxies, stragglers.
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorkspace, type Workspace } from './support/run-cli.ts';

const proxy = (pod: string): string => `sidecar~127.0.0.1~${pod}.default~default.svc.cluster.local`;
const type = (name: string): string => `type.googleapis.com/envoy.config.${name}`;
const synced = {
  subscription: 'wildcard',
  held: 7,
  available: 10_000,
  ackedEpoch: 42,
  sentEpoch: 42,
  isInFlight: false,
};

let work: Workspace;
let server: Server;
let answers: Record<string, unknown>;

beforeEach(async () => {
  work = openWorkspace();
  answers = {};
  server = createServer((request, response) => {
    const answer = answers[(request.url ?? '').split('?')[0] ?? ''];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { diagnostics: [] }));
  });
  mkdirSync(join(work.state, 'run'), { recursive: true });
  await new Promise<void>((resolve) => server.listen(join(work.state, 'run', 'control.sock'), resolve));
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  await work.dispose();
});

describe('[BY-6] apply --wait', () => {
  const applyWith = async (convergence: object, ...flags: readonly string[]) => {
    answers = {
      '/v1/apply': {
        revision: 5,
        changes: [
          {
            key: 'VirtualService/default/reviews',
            change: 'configured',
            origin: { file: 'a.yaml', line: 1 },
          },
        ],
        warnings: [],
      },
      '/v1/convergence': convergence,
    };
    return await work.run(['apply', '-f', '-', ...flags], { input: 'kind: List\n' });
  };

  it('exits with 1 at once when a proxy refuses', async () => {
    const object = {
      key: 'VirtualService/default/reviews',
      targeted: [proxy('a'), proxy('b')],
      sent: [proxy('a'), proxy('b')],
    };
    const { code, stdout, stderr } = await applyWith(
      { revision: 5, isDone: false, objects: [{ ...object, acked: [proxy('a')], rejected: [proxy('b')] }] },
      '--wait',
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^VirtualService\/default\/reviews +2 +2 +1 +refused by b\.default$/m);
    expect(stderr).toContain('error: refused by b.default; see why with "xebec proxy-status b.default"');
  });

  it('exits with 3 when one does not answer in time, and names it', async () => {
    const object = {
      key: 'VirtualService/default/reviews',
      targeted: [proxy('a'), proxy('b')],
      sent: [proxy('a')],
      rejected: [],
    };
    const { code, stdout, stderr } = await applyWith(
      { revision: 5, isDone: false, objects: [{ ...object, acked: [proxy('a')] }] },
      '--wait=300ms',
      '-o',
      'json',
    );
    expect(code).toBe(3);
    expect(stderr).toContain('timed out after 0.3 s; without it: b.default');
    expect(JSON.parse(stdout)).toMatchObject({
      revision: 5,
      convergence: { isDone: false },
      diagnostics: [{ code: 'wait-timed-out' }],
    });
  });

  it('does not wait when not asked to', async () => {
    const { code, stdout } = await applyWith({});
    expect([code, stdout]).toEqual([0, 'virtualservice/reviews configured\nrevision 5: 1 object changed\n']);
  });
});

describe('proxy-status', () => {
  it('shows what was refused, why, and the line that caused it', async () => {
    const rejection = {
      message: "route: unknown cluster 'x'",
      atMs: 0,
      resources: [
        {
          name: '80',
          causes: [
            {
              cause: 'VirtualService/default/reviews#spec.http[0]',
              origin: { file: 'routes.yaml', line: 12, column: 5 },
            },
          ],
        },
      ],
    };
    const item = {
      client: proxy('a'),
      protocol: 'delta',
      connectedAtMs: 0,
      types: {
        [type('cluster.v3.Cluster')]: synced,
        [type('listener.v3.Listener')]: { ...synced, isInFlight: true },
        [type('route.v3.RouteConfiguration')]: { ...synced, rejection },
      },
    };
    answers = { '/v1/proxies': { items: [item] } };
    const { code, stdout } = await work.run(['proxy-status']);
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'NAME        CLUSTERS   LISTENERS   ROUTES   ENDPOINTS   HOLDS               VERSION',
        'a.default   SYNCED     STALE       ERROR    NOT SENT    holds 7 of 10,000   42',
        '',
        "refused by a.default: RouteConfiguration: route: unknown cluster 'x'",
        '  80',
        '    caused by VirtualService/default/reviews#spec.http[0] (routes.yaml:12:5)',
        '',
      ].join('\n'),
    );
  });

  it('survives answers that make no sense', async () => {
    answers = { '/v1/proxies': { items: [{}, { client: 5, types: [] }, 'x'] } };
    expect((await work.run(['proxy-status'])).code).toBe(0);
    answers = { '/v1/proxies': 5 };
    expect((await work.run(['proxy-status'])).stderr).toBe('no proxy is connected\n');
  });
});
