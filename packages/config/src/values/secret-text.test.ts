// Mistakes in Secrets tell where they are, and never what they hold.
import { expect, test } from 'vitest';
import { parseObject } from '../object/parse-object.ts';
import { parseDocuments } from '../yaml/parse-documents.ts';

test('nor what is written where the map should be', () => {
  const { objects } = parseDocuments(
    'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: s3cr3t\nstringData: [s3cr3t]\n',
    'a.yaml',
  );
  const [raw] = objects;
  const parsed = raw === undefined ? undefined : parseObject(raw, { defaultNamespace: 'default' });
  expect(
    parsed?.ok === false ? parsed.diagnostics.map(({ field, message }) => [field, message]) : [],
  ).toEqual([
    ['data', 'must be a map'],
    ['stringData', 'must be a map'],
  ]);
});

test('no message repeats a value', () => {
  const { objects } = parseDocuments(
    `apiVersion: v1
kind: Secret
metadata: {name: a}
data: {"tls.key": "-----BEGIN PRIVATE KEY-----MIG", number: 12345678, truth: true, list: [s3cr3t]}
stringData: {pin: 87654321, map: {a: s3cr3t}, date: 2020-01-01}
`,
    'a.yaml',
  );
  const [raw] = objects;
  const parsed = raw === undefined ? undefined : parseObject(raw, { defaultNamespace: 'default' });
  const said = JSON.stringify(parsed?.ok === false ? parsed.diagnostics : []);
  expect(said).toContain('must be text');
  expect(said).not.toMatch(/12345678|87654321|s3cr3t|PRIVATE|MIG/);
});
