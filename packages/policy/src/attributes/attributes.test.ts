// The vocabulary, and values as JSON.
import { describe, expect, test } from 'vitest';
import { formatValue, readAttributes } from './attribute-json.ts';
import { formatReferences, RecordingSource } from './bag.ts';
import { istioVocabulary, makeVocabulary } from './make-vocabulary.ts';
import { Duration, Timestamp } from './value.ts';

describe('the vocabulary', () => {
  test('[MX-3] manifests add to it, and may repeat it', () => {
    const made = makeVocabulary([
      { name: 'team.budget', type: 'INT64' },
      { name: 'request.size', type: 'INT64' },
    ]);
    expect(made.ok && [made.value.get('team.budget')?.type, made.value.get('request.path')?.type]).toEqual([
      'INT64',
      'STRING',
    ]);
    expect(istioVocabulary.get('team.budget')).toBeUndefined();
    expect(istioVocabulary.get('constructor')).toBeUndefined();
  });

  test('[MX-3] who gives a name another type is told who gave it the first', () => {
    const made = makeVocabulary([
      { name: 'team', type: 'STRING', origin: { file: 'a.yaml', line: 3 } },
      { name: 'team', type: 'BOOL', origin: { file: 'b.yaml', line: 7 } },
    ]);
    expect(made).toMatchObject({
      ok: false,
      diagnostics: [
        {
          code: 'attribute-two-types',
          message: 'attribute "team" is declared BOOL by b.yaml:7, and STRING by a.yaml:3',
          remedy: expect.any(String),
        },
      ],
    });
  });
});

describe('values as JSON', () => {
  const read = (json: unknown) => {
    const bag = readAttributes(json, istioVocabulary);
    if (!bag.ok) throw new Error(JSON.stringify(bag.diagnostics));
    return bag.value;
  };

  test('[MX-3] what says its type has it; what does not gets it from the vocabulary', () => {
    const bag = read({
      'request.size': 5,
      'response.size': '9223372036854775807',
      'request.time': '2015-01-02T15:04:35.5+01:00',
      'response.duration': '1m0.5s',
      'source.ip': { type: 'IP_ADDRESS', value: '4.5.6.7', bytes: '04050607' },
      'request.headers': { a: 'b' },
      unknown: { type: 'DOUBLE', value: '2.5' },
    });
    expect([...bag.values()]).toEqual([
      5n,
      9_223_372_036_854_775_807n,
      new Timestamp(1_420_207_475_500_000_000n),
      new Duration(60_500_000_000n),
      Uint8Array.from([4, 5, 6, 7]),
      new Map([['a', 'b']]),
      2.5,
    ]);
    expect([...bag.values()].map((value) => formatValue(value).value)).toEqual([
      '5',
      '9223372036854775807',
      '2015-01-02T14:04:35.5Z',
      '1m0.5s',
      '4.5.6.7',
      { a: 'b' },
      '2.5',
    ]);
  });

  test('[MX-3] hostile names are names, and values that are none are refused', () => {
    const bag = read(
      JSON.parse('{"__proto__": "x", "request.headers": {"__proto__": "y", "toString": "z"}}'),
    );
    expect(bag.get('__proto__')).toBe('x');
    const source = new RecordingSource(bag);
    expect([
      source.getKey('request.headers', '__proto__'),
      source.getKey('request.headers', 'valueOf'),
    ]).toEqual(['y', undefined]);
    expect(formatReferences(source.references())).toEqual([
      '-request.headers[valueOf]',
      'request.headers',
      'request.headers[__proto__]',
    ]);
    expect(
      readAttributes({ a: [1], b: null, c: { type: 'INT64', value: '1.5' } }, istioVocabulary),
    ).toMatchObject({
      ok: false,
      diagnostics: [{ field: 'a' }, { field: 'b' }, { field: 'c' }],
    });
    expect(readAttributes([], istioVocabulary).ok).toBe(false);
  });
});

test('[MX-3] a reference to a key says nothing of the rest of its map', () => {
  const labels = new Map([['app', 'reviews']]);
  const source = new RecordingSource(new Map([['source.labels', labels]]));
  source.getKey('source.labels', 'app');
  source.getKey('destination.labels', 'app');
  expect(source.references()).toEqual([
    { name: 'source.labels', key: 'app', isPresent: true },
    { name: 'destination.labels', isPresent: false },
  ]);
  source.get('source.labels');
  expect(source.references()[0]).toEqual({ name: 'source.labels', isPresent: true });
});
