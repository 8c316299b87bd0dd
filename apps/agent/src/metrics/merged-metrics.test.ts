// One page from two sources: either may fail without the other, and where the application's are comes from its annotations.
import { once } from 'node:events';
import http from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import type { EnvoyAdmin } from '../envoy/envoy-admin.ts';
import { mergeMetrics, scrapeTargetOf } from './merged-metrics.ts';

const admin = (text: () => Promise<string>): EnvoyAdmin => ({
  text,
  post: async () => undefined,
  isReady: async () => true,
  explain: async () => '',
});

async function application(answer: http.RequestListener) {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { host: '127.0.0.1', port, path: '/metrics' };
}

test('both pages are one, without an end in the middle', async () => {
  const target = await application((request, response) =>
    response.end(`own{path="${request.url}"} 1\n# EOF\n`),
  );
  const page = await mergeMetrics({ admin: admin(async () => 'envoy_x{} 1'), application: target });
  expect(page).toBe(
    'envoy_x{} 1\nown{path="/metrics"} 1\n# TYPE xebec_agent_scrape_failed gauge\n' +
      'xebec_agent_scrape_failed{source="envoy"} 0\nxebec_agent_scrape_failed{source="application"} 0\n',
  );
});

test('a source that fails is counted and does not take the other with it', async () => {
  const target = await application((_request, response) => response.writeHead(500).end());
  const broken = admin(() => Promise.reject(new Error('no\nsocket')));
  const page = await mergeMetrics({ admin: broken, application: target });
  expect(page).toContain('# envoy: no socket\n');
  expect(page).toContain('xebec_agent_scrape_failed{source="envoy"} 1\n');
  expect(page).toContain('xebec_agent_scrape_failed{source="application"} 1\n');
});

test('annotations say whether and where', () => {
  const place = { captured: { applicationAddress: '127.0.0.9', probeSource: '10.0.0.2' }, defaultPort: 9080 };
  const yes = { 'prometheus.io/scrape': 'true' };
  expect(scrapeTargetOf({}, place)).toBeUndefined();
  expect(scrapeTargetOf(yes, place)).toEqual({
    host: '127.0.0.9',
    port: 9080,
    path: '/metrics',
    localAddress: '10.0.0.2',
  });
  const elsewhere = { ...yes, 'prometheus.io/port': '1234', 'prometheus.io/path': 'stats' };
  expect(scrapeTargetOf(elsewhere, place)).toMatchObject({ port: 1234, path: '/stats' });
  expect(scrapeTargetOf({ ...yes, 'prometheus.io/port': 'x' }, place)).toBeUndefined();
});
