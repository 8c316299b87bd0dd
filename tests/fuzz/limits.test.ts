// Hostile sizes and names: expressions, hosts, numbers, many routes. Refused where they are wrong, or carried out in time.
import { expect, test } from 'vitest';
import { parseObject, rawObject } from '../../packages/config/src/index.ts';
import { judgeValue } from './support/judge.ts';
import { createProving } from './support/translate.ts';

const proving = createProving();

const networking = (kind: string, spec: unknown) => ({
  apiVersion: 'networking.istio.io/v1',
  kind,
  metadata: { name: 'a', namespace: 'default' },
  spec,
});

const parse = (value: unknown) =>
  parseObject(rawObject(value, { file: 'f', line: 1, column: 1 }), { defaultNamespace: 'default' });

/** `FIELD CODE` of everything that is refused. */
function problemsOf(value: unknown): readonly string[] {
  expect(judgeValue(value).faults).toEqual([]);
  const result = parse(value);
  return result.ok ? [] : result.diagnostics.map(({ field, code }) => `${field} ${code}`);
}

const routeWith = (regex: string) =>
  networking('VirtualService', {
    hosts: ['reviews'],
    http: [{ match: [{ uri: { regex } }], route: [{ destination: { host: 'reviews' } }] }],
  });

test.each([
  ['more than 1,024 characters', 'a'.repeat(1_025)],
  ['100,000 nested groups', '('.repeat(100_000) + ')'.repeat(100_000)],
  ['500 nested groups', '('.repeat(500) + ')'.repeat(500)],
  ['a program too large', '((a{100}){100}){100}'],
  ['a count too large', 'a{1001}'],
  ['look-ahead', '(?=a)b'],
  ['look-behind', '(?<!a)b'],
  ['a reference back', '(a)\\1'],
  ['a named reference', '(?<n>a)\\k<n>'],
  ['an escape of JavaScript', '\\cA'],
  ['an open group', '(a'],
  ['nothing to repeat', '*a'],
])('[B03] an expression with %s is refused', (_name, regex) => {
  const start = process.cpuUsage();
  expect(problemsOf(routeWith(regex))).toEqual(['spec.http[0].match[0].uri.regex invalid-regex']);
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1_000).toBeLessThan(100);
});

test('[B03] an expression that takes other engines for ever is RE2, and never run here', () => {
  expect(problemsOf(routeWith(`^(a+)+$|(.*)*x|${'(a|a)*'.repeat(50)}`))).toEqual([]);
});

const routes = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    match: [{ uri: { exact: `/${i}` } }],
    route: [{ destination: { host: 'reviews', port: { number: 9080 } } }],
  }));

test('[B03] 10,000 routes of one VirtualService become routes, and one more is refused', () => {
  const service = (count: number) =>
    networking('VirtualService', { hosts: ['reviews'], http: routes(count) });
  const raw = rawObject(service(10_000), { file: 'f', line: 1, column: 1 });
  expect(judgeValue(raw.value).faults).toEqual([]);
  expect(proving.with([raw])).toEqual([]);
  expect(problemsOf(service(10_001))).toEqual(['spec.http too-many']);
});

test('[B03] hosts of 253 characters are taken, longer ones and their labels refused', () => {
  const label = 'a'.repeat(63);
  const host = `${label}.${label}.${label}.${'a'.repeat(61)}`;
  const entry = (name: string) =>
    networking('ServiceEntry', {
      hosts: [name],
      resolution: 'DNS',
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    });
  expect(problemsOf(entry(host))).toEqual([]);
  expect(proving.with([rawObject(entry(host), { file: 'f', line: 1, column: 1 })])).toEqual([]);
  expect(problemsOf(entry(`${host}a`))).toEqual(['spec.hosts[0] invalid-host']);
  expect(problemsOf(entry(`${label}a.example`))).toEqual(['spec.hosts[0] invalid-host']);
});

const strange = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'] as const;

test.each(strange)('[B23] the key %s is data wherever keys are free', (key) => {
  const texts: unknown = JSON.parse(`{"${key}": "x"}`);
  const matches: unknown = JSON.parse(`{"${key}": {"exact": "x"}}`);
  const route = {
    match: [{ headers: matches, queryParams: matches, sourceLabels: key.startsWith('_') ? {} : texts }],
    route: [
      { destination: { host: 'reviews' }, headers: { request: { set: texts }, response: { add: texts } } },
    ],
  };
  const value = networking('VirtualService', { hosts: ['reviews'], http: [route] });
  expect(problemsOf(value)).toEqual([]);
  const result = parse(value);
  const spec = result.ok && result.value.kind === 'VirtualService' ? result.value.spec : undefined;
  expect(Object.keys(spec?.http[0]?.matches[0]?.headers ?? {})).toEqual([key]);
  expect(proving.with([rawObject(value, { file: 'f', line: 1, column: 1 })])).toEqual([]);
  expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('x');
});

const balanced = (weight: unknown, other: unknown = 50) =>
  networking('VirtualService', {
    hosts: ['reviews'],
    http: [
      { route: [50, other, weight].map((each) => ({ destination: { host: 'reviews' }, weight: each })) },
    ],
  });

test.each([
  ['a negative weight', balanced(-1), 'spec.http[0].route[2].weight out-of-range'],
  ['a fraction', balanced(0.5), 'spec.http[0].route[2].weight out-of-range'],
  ['a weight as text', balanced('50'), 'spec.http[0].route[2].weight wrong-type'],
  ['a weight past 32 bits', balanced(2 ** 32), 'spec.http[0].route[2].weight out-of-range'],
  ['weights past 32 bits in total', balanced(2 ** 32 - 1, 2 ** 32 - 1), 'spec.http[0].route invalid-weights'],
])('[B24] %s is refused', (_name, value, problem) => {
  expect(problemsOf(value)[0]).toBe(problem);
});

test.each(['1e9s', '-1s', '0.5ns', 'NaN', 'Infinity', '1', '99999999999999h', '1s ', '', '1S'])(
  '[B24] the duration "%s" is refused',
  (timeout) => {
    const route = { timeout, route: [{ destination: { host: 'reviews' } }] };
    const [problem] = problemsOf(networking('VirtualService', { hosts: ['reviews'], http: [route] }));
    expect(problem).toMatch(/^spec\.http\[0\]\.timeout (invalid-duration|out-of-range)$/);
  },
);

test.each([0, 65_536, -1, 80.5, '80', 1e21])('[B24] the port %s is refused', (number) => {
  const destination = { host: 'reviews', port: { number } };
  const [problem] = problemsOf(
    networking('VirtualService', { hosts: ['reviews'], http: [{ route: [{ destination }] }] }),
  );
  expect(problem).toMatch(
    /^spec\.http\[0\]\.route\[0\]\.destination\.port\.number (out-of-range|wrong-type)$/,
  );
});
