// A client of Istio 1.4's policy service: words by number, deltas, and answers it can keep.
import { create } from '@bufbuild/protobuf';
import { CompressedAttributesSchema } from '@xebec/protos/istio/mixer/v1/attributes_pb';
import {
  CheckRequestSchema,
  ReferencedAttributes_Condition as Condition,
  Mixer,
  ReportRequestSchema,
  ReportRequest_RepeatedAttributesSemantics as Semantics,
} from '@xebec/protos/istio/mixer/v1/mixer_pb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { call, openTestDoors, shop, type TestDoors } from '../testing/doors.ts';
import { allowed } from '../testing/fake-engine.ts';
import { globalWords } from './global-words.ts';
import { callerOf } from './service.ts';
import { WordList, wordAt } from './words.ts';

let doors: TestDoors;
beforeEach(async () => {
  doors = await openTestDoors();
});
afterEach(() => doors.close());

const word = (text: string): number => globalWords.indexOf(text);

describe('words', () => {
  it('are those of 1.4', () => {
    expect(globalWords).toHaveLength(222);
    expect([globalWords[0], globalWords.at(-1), word('GET') + 1]).toEqual([
      'source.ip',
      'context.proxy_version',
      word('POST'),
    ]);
  });

  it('have the same number for reader and writer', () => {
    const list = new WordList(globalWords.length);
    for (const text of ['GET', 'mine', '200', 'mine', 'other'])
      expect(wordAt(list.numberOf(text), list.words)).toBe(text);
    expect(list.words).toEqual(['mine', 'other']);
  });

  it('that a client does not know are sent along', () => {
    const list = new WordList(3);
    expect([list.numberOf('source.name'), list.numberOf('source.uid')]).toEqual([2, -1]);
  });
});

describe('Check', () => {
  it('reads words of both dictionaries, asks for quotas, and refers to what it looked at', async () => {
    doors.engine.outcome = {
      ...allowed,
      references: [
        { name: 'request.headers', key: 'x-mine', isPresent: true },
        { name: 'request.path', isPresent: false },
      ],
    };
    const request = create(CheckRequestSchema, {
      globalWordCount: globalWords.length,
      deduplicationId: 'd',
      quotas: { rate: { amount: 3n, bestEffort: true } },
      attributes: {
        words: ['x-mine', 'v'],
        strings: { [word('request.method')]: word('GET'), [-9]: 0 },
        int64s: { [word('request.size')]: 12n },
        stringMaps: { [word('request.headers')]: { entries: { [-1]: -2 } } },
        timestamps: { [word('request.time')]: { seconds: 1n, nanos: 5 } },
      },
    });
    const answer = await call(doors, Mixer.method.check, { request });
    const bag = doors.engine.checks[0]?.attributes;
    expect([bag?.get('request.method'), bag?.get('request.size')]).toEqual(['GET', 12n]);
    expect(bag?.get('request.headers')).toEqual(new Map([['x-mine', 'v']]));
    expect(bag?.get('request.time')).toEqual({ nanoseconds: 1_000_000_005n });
    expect(answer.quotas['rate']).toMatchObject({ grantedAmount: 3n });
    expect(answer.precondition).toMatchObject({ validUseCount: 100, status: { code: 0 } });
    expect(answer.precondition?.referencedAttributes).toMatchObject({
      words: ['x-mine'],
      attributeMatches: [
        { name: word('request.headers'), condition: Condition.EXACT, mapKey: -1 },
        { name: word('request.path'), condition: Condition.ABSENCE, mapKey: 0 },
      ],
    });
    const drops = await doors.counted('xebec_policy_dropped_attributes_total');
    expect(drops).toMatchObject([{ labels: { door: 'mixer', reason: 'malformed' }, value: 1 }]);
  });

  it('refuses a dictionary it does not have', async () => {
    const request = create(CheckRequestSchema, { globalWordCount: 10_000 });
    await expect(call(doors, Mixer.method.check, { request })).rejects.toMatchObject({ code: 3 });
  });
});

describe('Report', () => {
  const path = word('request.path');
  const size = word('request.size');
  const bags = [
    create(CompressedAttributesSchema, { strings: { [path]: -1 }, int64s: { [size]: 1n } }),
    create(CompressedAttributesSchema, { words: ['/b'], strings: { [path]: -1 } }),
  ];
  const seen = () => doors.engine.bags.map((bag) => [bag.get('request.path'), bag.get('request.size')]);

  it('changes the bag before', async () => {
    const request = create(ReportRequestSchema, { attributes: bags, defaultWords: ['/a'] });
    await call(doors, Mixer.method.report, { request });
    expect(seen()).toEqual([
      ['/a', 1n],
      ['/b', 1n],
    ]);
  });

  it('or has whole ones', async () => {
    const request = create(ReportRequestSchema, {
      attributes: bags,
      defaultWords: ['/a'],
      repeatedAttributesSemantics: Semantics.INDEPENDENT_ENCODING,
    });
    await call(doors, Mixer.method.report, { request });
    expect(seen()).toEqual([
      ['/a', 1n],
      ['/b', undefined],
    ]);
  });
});

describe('a proxy of old', () => {
  const bag = new Map([
    ['context.reporter.kind', 'inbound'],
    ['destination.namespace', 'shop'],
  ]);
  it.each([
    ['certificate', 'shop', 'proxy'],
    ['certificate', 'bank', 'app'],
    ['token', 'shop', 'app'],
  ] as const)('with a %s of %s is a %s', (proof, namespace, kind) => {
    expect(callerOf({ kind: 'app', proof, identity: { ...shop, namespace } }, bag).kind).toBe(kind);
  });
});
