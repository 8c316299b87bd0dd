// The two subscription machines: what each request means, as the protocol says.
import { describe, expect, it } from 'vitest';
import { addName, createNameSet, createNameTable, hasName, namesOf, sweepNames } from '../names.ts';
import { CLUSTER, ENDPOINTS } from '../roles.ts';
import { type Subscription, subscribeDelta } from './delta-subscription.ts';
import { subscribeState } from './state-subscription.ts';

const fresh = (): Subscription => ({ isSubscribed: false, isWildcard: false, subscribed: createNameSet() });

function deltaClient() {
  const subscription = fresh();
  const table = createNameTable();
  return (subscribe: readonly string[], unsubscribe: readonly string[] = []) => {
    const effect = subscribeDelta(subscription, table, { subscribe, unsubscribe });
    return {
      ...effect,
      isWildcard: subscription.isWildcard,
      names: [...namesOf(table, subscription.subscribed)],
    };
  };
}

describe('a delta subscription', () => {
  it('is a wildcard when the first request names nothing', () => {
    const request = deltaClient();
    expect(request([])).toMatchObject({ isFirst: true, startsWildcard: true, isWildcard: true });
    expect(request([])).toMatchObject({ isFirst: false, startsWildcard: false, isWildcard: true });
  });

  it('keeps the wildcard of an empty first request when names follow', () => {
    const request = deltaClient();
    request([]);
    expect(request(['a'])).toMatchObject({ added: ['a'], isWildcard: true, names: ['a'] });
  });

  it('is by name when the first request names something, until a star comes', () => {
    const request = deltaClient();
    expect(request(['a'])).toMatchObject({ startsWildcard: false, isWildcard: false });
    expect(request(['*', 'b'])).toMatchObject({ startsWildcard: true, added: ['b'], names: ['a', 'b'] });
    expect(request([], ['*'])).toMatchObject({ endsWildcard: true, isWildcard: false, names: ['a', 'b'] });
  });

  it('answers a name again that is asked for again, and forgets what is unsubscribed', () => {
    const request = deltaClient();
    request(['a']);
    expect(request(['a'])).toMatchObject({ added: ['a'], names: ['a'] });
    expect(request([], ['a', 'never'])).toMatchObject({ removed: ['a'], names: [] });
  });

  it('takes a name that is both unsubscribed and subscribed as wanted', () => {
    const request = deltaClient();
    request(['a']);
    expect(request(['a'], ['a'])).toMatchObject({ names: ['a'] });
  });
});

function stateClient(typeUrl: string) {
  const subscription = fresh();
  const table = createNameTable();
  return (names: readonly string[], nonce = '', lastNonce = '') => {
    const effect = subscribeState(subscription, table, { typeUrl, names, nonce, lastNonce });
    if (effect === 'stale') return effect;
    return {
      ...effect,
      isWildcard: subscription.isWildcard,
      names: [...namesOf(table, subscription.subscribed)],
    };
  };
}

describe('a state-of-the-world subscription', () => {
  it('is a wildcard for clusters without names, and nothing for endpoints without names', () => {
    expect(stateClient(CLUSTER)([])).toMatchObject({ startsWildcard: true, isWildcard: true });
    expect(stateClient(ENDPOINTS)([])).toMatchObject({ startsWildcard: false, isWildcard: false });
  });

  it('ignores a stale nonce, also its names', () => {
    const request = stateClient(ENDPOINTS);
    request(['a']);
    expect(request(['a', 'b'], '1', '2')).toBe('stale');
    expect(request(['a', 'b'], '2', '2')).toMatchObject({ added: ['b'], names: ['a', 'b'] });
  });

  it('replaces the names, and never goes back to a wildcard once it had some', () => {
    const request = stateClient(CLUSTER);
    request(['a', 'b']);
    expect(request(['b'], '1', '1')).toMatchObject({ removed: ['a'], names: ['b'] });
    expect(request([], '1', '1')).toMatchObject({ isWildcard: false, names: [] });
    expect(request([], '1', '1')).toMatchObject({ isWildcard: false });
    expect(request(['*'], '1', '1')).toMatchObject({ startsWildcard: true });
  });

  it('takes more names before the first response', () => {
    const request = stateClient(ENDPOINTS);
    request(['a']);
    expect(request(['a', 'b'], '', '1')).toMatchObject({ added: ['b'] });
  });
});

describe('interned names', () => {
  it('are given numbers again that no set holds', () => {
    const table = createNameTable();
    const kept = createNameSet();
    const dropped = createNameSet();
    for (let i = 0; i < 100; i++) addName(table, i % 2 === 0 ? kept : dropped, `n${i}`);
    sweepNames(table, [kept]);
    expect(table.ids.size).toBe(50);
    for (let i = 0; i < 50; i++) addName(table, kept, `m${i}`);
    expect(table.names.length).toBe(100);
    expect([...namesOf(table, kept)].sort()).toEqual([...table.ids.keys()].sort());
    expect(hasName(table, kept, 'n1')).toBe(false);
  });
});
