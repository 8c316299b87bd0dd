// Clients that differ only in a label, and rules that tell them apart; also rules that come while they are connected.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tally } from './support/http.ts';
import { type Mesh, startMesh } from './support/mesh.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startMesh();
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

async function apply(yaml: string): Promise<void> {
  const applied = await mesh.apply(yaml);
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
}

/** Which versions of reviews the sidecar of a client is sent to, of 20 calls. */
async function versionsFor(client: string) {
  const { ip } = await mesh.pod(client);
  const call = { url: 'http://reviews:9080/reviews/0', proxy: `${ip}:15001` };
  return await tally(call, 20, ({ status, body }) => /reviews-(v\d)/.exec(body)?.[1] ?? `status ${status}`);
}

const subsets = (extra = '') => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec:
  host: reviews
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: v2, labels: { version: v2 } }
    - { name: v3, labels: { version: v3 } }
${extra}`;

const routes = (...rules: readonly (readonly [labels: string, subset: string])[]) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http:
${rules.map(([labels, subset]) => `    - match: [{ sourceLabels: ${labels} }]\n      route: [{ destination: { host: reviews, subset: ${subset} } }]`).join('\n')}
    - route: [{ destination: { host: reviews, subset: v1 } }]
`;

describe('[MG-8] clients of one namespace told apart by labels', () => {
  it('sourceLabels route one of two clients elsewhere', async () => {
    await apply(`${subsets()}---${routes(['{ app: productpage }', 'v3'])}`);
    expect(await versionsFor('productpage')).toEqual({ v3: 20 });
    expect(await versionsFor('ratings')).toEqual({ v1: 20 });
  });

  it('a rule that mentions another label moves clients that are connected, and back when it goes', async () => {
    await apply(routes(['{ app: productpage }', 'v3'], ['{ app: ratings, version: v1 }', 'v2']));
    expect(await versionsFor('ratings')).toEqual({ v2: 20 });
    expect(await versionsFor('productpage')).toEqual({ v3: 20 });
    expect(await versionsFor('details')).toEqual({ v1: 20 });
    await apply(routes(['{ app: details }', 'v2']));
    expect(await versionsFor('ratings')).toEqual({ v1: 20 });
    expect(await versionsFor('productpage')).toEqual({ v1: 20 });
    expect(await versionsFor('details')).toEqual({ v2: 20 });
  });

  it('a DestinationRule with a workloadSelector changes subsets for the clients it selects only', async () => {
    const selecting = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews-for-details }
spec:
  host: reviews
  workloadSelector: { matchLabels: { app: details } }
  subsets: [{ name: v2, labels: { version: v3 } }]
`;
    await apply(`${routes(['{ app: details }', 'v2'], ['{ app: ratings }', 'v2'])}---${selecting}`);
    expect(await versionsFor('details')).toEqual({ v3: 20 });
    expect(await versionsFor('ratings')).toEqual({ v2: 20 });
  });
});
