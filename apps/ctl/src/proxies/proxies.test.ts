// Which proxy is meant, and what is shown of it.
import { describe, expect, it } from 'vitest';
import { redact } from './envoy-admin.ts';
import { resolveWorkload } from './resolve-workload.ts';
import { clusterTable, listenerTable, routeTable } from './tables.ts';

const pods = [
  { pod: 'reviews-v1-abc-1', namespace: 'default', workload: 'reviews-v1' },
  { pod: 'reviews-v1-abc-2', namespace: 'default', workload: 'reviews-v1' },
  { pod: 'reviews-v2-def-1', namespace: 'default', workload: 'reviews-v2' },
  { pod: 'details-v1-ghi-1', namespace: 'shop', workload: 'details-v1' },
];

describe('resolveWorkload', () => {
  it.each([
    ['reviews-v1-abc-2', 'reviews-v1-abc-2'],
    ['reviews-v1-abc-2.default', 'reviews-v1-abc-2'],
    ['reviews-v1', 'reviews-v1-abc-1'],
    ['deployment/reviews-v2', 'reviews-v2-def-1'],
    ['details-v1.shop', 'details-v1-ghi-1'],
    ['det', 'details-v1-ghi-1'],
  ])('%s is %s', (asked, pod) => {
    expect(resolveWorkload(asked, pods)).toMatchObject({ ok: true, value: { pod } });
  });

  it('asks back when several fit, and lists all when none does', () => {
    expect(resolveWorkload('reviews', pods)).toMatchObject({
      diagnostics: [
        {
          code: 'ambiguous-workload',
          message: expect.stringContaining('reviews-v1.default, reviews-v2.default'),
        },
      ],
    });
    expect(resolveWorkload('', pods)).toMatchObject({ diagnostics: [{ code: 'unknown-workload' }] });
    expect(resolveWorkload('x', [])).toMatchObject({ diagnostics: [{ remedy: 'none is running' }] });
  });
});

describe('redact', () => {
  it('lets no private key through, wherever it is', () => {
    const key = '-----BEGIN PRIVATE KEY-----\nabc';
    const value = { a: [{ private_key: { inline_bytes: 'xyz' }, other: { text: key } }], b: 'kept' };
    expect(redact(value)).toEqual({
      a: [{ private_key: '[redacted]', other: { text: '[redacted]' } }],
      b: 'kept',
    });
  });
});

const metadata = { filter_metadata: { xebec: { causes: ['VirtualService/default/a#spec.http[0]'] } } };

describe('tables', () => {
  it('splits names of clusters and names the cause', () => {
    const cluster = { name: 'outbound|80|v1|a.default.svc.cluster.local', type: 'EDS', metadata };
    const dump = {
      static_clusters: [{ cluster: { name: 'agent' } }],
      dynamic_active_clusters: [{ cluster }],
    };
    expect(clusterTable(dump)).toBe(
      [
        'SERVICE FQDN                  PORT   SUBSET   DIRECTION   TYPE     CAUSE',
        'a.default.svc.cluster.local   80     v1       outbound    EDS      VirtualService/default/a#spec.http[0]',
        'agent                         -      -        -           STATIC   -',
        '',
      ].join('\n'),
    );
  });

  it('shows matches and targets of routes', () => {
    const routes = [
      { match: { path: '/a' }, route: { cluster: 'one' }, metadata },
      {
        match: { prefix: '/b', headers: [{ name: 'end-user' }] },
        route: { weighted_clusters: { clusters: [{ name: 'x', weight: 9 }] } },
      },
      { match: { safe_regex: { regex: '/c.*' } }, redirect: {} },
      { match: { prefix: '/' }, direct_response: { status: 404 } },
    ];
    const host = { name: 'h', domains: ['a', 'b', 'c'], routes };
    const table = routeTable({
      dynamic_route_configs: [{ route_config: { name: '80', virtual_hosts: [host] } }],
    });
    expect(table).toContain('a, b + 1 more...');
    expect(table).toMatch(/\/a +one +VirtualService\/default\/a#spec\.http\[0\]/);
    expect(table).toMatch(/\/b\* with end-user +x \(9\)/);
    expect(table).toMatch(/regex \/c\.\* +redirect/);
    expect(table).toMatch(/\/\* +answers 404/);
  });

  it('takes an odd dump for an empty one', () => {
    for (const dump of [undefined, 5, {}, { dynamic_listeners: [{}, 7] }])
      expect(listenerTable(dump)).toMatch(/^NAME/);
  });
});
