// A staged rollout that keeps its users: who has a version keeps it, but for those whose share moved.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shop, startShop, to, versionOf } from './support/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
}, 240_000);
afterAll(async () => {
  await shop?.stop();
});

const users = Array.from({ length: 200 }, (_, i) => `user-${i}`);

async function versionsOf(headers: (user: string) => Record<string, string>, path = '/') {
  const versions = new Map<string, string>();
  for (const user of users)
    versions.set(user, versionOf(await shop.call(path.replace('USER', user), { headers: headers(user) })));
  return versions;
}

const rule = (consistentHash: object): string =>
  JSON.stringify({
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'shop' },
    spec: {
      host: 'shop',
      trafficPolicy: { loadBalancer: { consistentHash } },
      subsets: [
        { name: 'v1', labels: { version: 'v1' } },
        { name: 'v2', labels: { version: 'v2' } },
      ],
    },
  });

const share = (versions: ReadonlyMap<string, string>, version: string): number =>
  [...versions.values()].filter((found) => found === version).length;

describe('[BY-12] while weights move, a user stays', () => {
  const byHeader = () => versionsOf((user) => ({ 'x-user': user }));

  it('from 80/20 to 70/30: nobody leaves v2, a tenth goes there; and everybody returns', async () => {
    expect((await shop.apply(rule({ httpHeaderName: 'x-user' }))).code).toBe(0);
    await shop.route({ http: [{ route: [to('v1', 80), to('v2', 20)] }] });
    const before = await byHeader();
    expect(await byHeader()).toEqual(before);
    // 200 draws of 20 %: 40 ± 3.3 standard deviations of 5.7.
    expect(Math.abs(share(before, 'v2') - 40)).toBeLessThanOrEqual(19);

    await shop.route({ http: [{ route: [to('v1', 70), to('v2', 30)] }] });
    const after = await byHeader();
    const left = users.filter((user) => before.get(user) === 'v2' && after.get(user) !== 'v2');
    const came = users.filter((user) => before.get(user) === 'v1' && after.get(user) === 'v2');
    expect(left).toEqual([]);
    // 200 draws of 10 %: 20 ± 3.3 standard deviations of 4.2.
    expect(Math.abs(came.length - 20)).toBeLessThanOrEqual(14);

    await shop.route({ http: [{ route: [to('v1', 8), to('v2', 2)] }] });
    expect(await byHeader()).toEqual(before);
  });

  it('by a cookie of the application', async () => {
    const cookie = { name: 'session', ttl: '0s' };
    expect((await shop.apply(rule({ httpCookie: cookie }))).code).toBe(0);
    const byCookie = () => versionsOf((user) => ({ cookie: `session=${user}` }));
    await shop.route({ http: [{ route: [to('v1', 50), to('v2', 50)] }] });
    const before = await byCookie();
    await shop.route({ http: [{ route: [to('v1', 40), to('v2', 60)] }] });
    const after = await byCookie();
    expect(users.filter((user) => before.get(user) === 'v2' && after.get(user) !== 'v2')).toEqual([]);
  });

  it('without a hash the version is drawn for every request', async () => {
    expect(
      (await shop.apply(rule({ httpHeaderName: 'x-user' }).replace(/"trafficPolicy":{.*?}}},/, ''))).code,
    ).toBe(0);
    await shop.route({ http: [{ route: [to('v1', 50), to('v2', 50)] }] });
    const before = await byHeader();
    expect(await byHeader()).not.toEqual(before);
  });
});
