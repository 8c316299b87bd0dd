// Old rules in, objects of today out, as the goldens say; what cannot be converted is refused at its place.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatDiagnostic } from '@xebec/std';
import { expect, test } from 'vitest';
import { toYamlStream } from '../object/manifest.ts';
import { parseDocuments } from '../yaml/parse-documents.ts';
import { convertObjects } from './convert.ts';

const folder = join(import.meta.dirname, 'goldens');
const cases = readdirSync(folder).filter((file) => file.endsWith('.in.yaml'));

const convert = (text: string) => convertObjects(parseDocuments(text, 'old.yaml').objects, 'default');

test.each(cases)('%s becomes what its golden says', async (file) => {
  const { manifests, diagnostics } = convert(readFileSync(join(folder, file), 'utf8'));
  expect(diagnostics.map(formatDiagnostic)).toEqual([]);
  await expect(toYamlStream(manifests)).toMatchFileSnapshot(join(folder, file.replace('.in.', '.out.')));
});

const rule = (kind: string, spec: string): string =>
  `apiVersion: config.istio.io/v1alpha2\nkind: ${kind}\nmetadata: {name: a}\nspec:\n${spec.replace(/^/gm, '  ')}\n`;

test.each([
  [
    'a client selected by address',
    rule('RouteRule', 'destination: {name: a}\nmatch: {tcp: {sourceSubnet: [192.0.2.1]}}'),
    'spec.match.tcp.sourceSubnet',
  ],
  [
    'weights that do not sum',
    rule('RouteRule', 'destination: {name: a}\nroute: [{labels: {v: "1"}, weight: 10}, {weight: 20}]'),
    'spec.route',
  ],
  [
    'route and redirect',
    rule('RouteRule', 'destination: {name: a}\nroute: [{weight: 100}]\nredirect: {uri: /b}'),
    'spec.redirect',
  ],
  ['a fault of TCP', rule('RouteRule', 'destination: {name: a}\nl4Fault: {}'), 'spec.l4Fault'],
  ['a rule for no service', rule('RouteRule', 'destination: {namespace: a}'), 'spec.destination'],
  [
    'a destination with labels',
    rule('RouteRule', 'destination: {name: a, labels: {v: "1"}}'),
    'spec.destination.labels',
  ],
  [
    'a policy for some clients',
    rule('DestinationPolicy', 'destination: {name: a}\nsource: {name: b}'),
    'spec.source',
  ],
  [
    'an egress proxy',
    rule(
      'EgressRule',
      'destination: {service: a.example}\nports: [{port: 80, protocol: http}]\nuseEgressProxy: true',
    ),
    'spec',
  ],
  [
    'a wildcard in a label',
    rule('EgressRule', 'destination: {service: "*-a.example"}\nports: [{port: 80, protocol: http}]'),
    'spec.destination.service',
  ],
  [
    'a full host of one label',
    rule('DestinationPolicy', 'destination: {service: localhost}'),
    'spec.destination.service',
  ],
  [
    'an unknown port name',
    rule('IngressRule', 'port: 80\ndestination: {name: a}\ndestinationPortName: http'),
    'spec.destinationPortName',
  ],
  [
    'a regex that RE2 has not',
    rule(
      'RouteRule',
      'destination: {name: a}\nmatch: {request: {headers: {uri: {regex: "(?=a)"}}}}\nroute: [{weight: 100}]',
    ),
    'spec.match.request.headers.uri.regex',
  ],
])('%s is refused', (_title, text, field) => {
  const { diagnostics } = convert(text);
  expect(diagnostics.filter(({ severity }) => severity === 'error').map((each) => each.field)).toEqual([
    field,
  ]);
});

test('two policies for the same instances are refused', () => {
  const policy = (name: string) =>
    rule('DestinationPolicy', 'destination: {name: b}\nloadBalancing: {name: RANDOM}').replace(
      'name: a',
      `name: ${name}`,
    );
  const { diagnostics } = convert([policy('a'), policy('c')].join('---\n'));
  expect(diagnostics.map(({ code }) => code)).toEqual(['not-convertible']);
});

test('clients of an unknown service are guessed with a warning', () => {
  const { diagnostics, manifests } = convert(
    rule('RouteRule', 'destination: {name: a}\nmatch: {source: {name: shop}}\nroute: [{weight: 100}]'),
  );
  expect(diagnostics.map(({ code, severity }) => [code, severity])).toEqual([
    ['check-conversion', 'warning'],
  ]);
  expect(manifests[0]).toMatchObject({
    spec: { http: [{ match: [{ sourceLabels: { app: 'shop' } }] }, {}] },
  });
});

test('a secret of another namespace than the gateway is told', () => {
  const { diagnostics } = convert(
    rule('IngressRule', 'port: 443\ntlsSecret: certs/shop\ndestination: {name: a}\ndestinationPort: 80'),
  );
  expect(diagnostics.map(({ code, field }) => [code, field])).toEqual([
    ['check-conversion', 'spec.tlsSecret'],
  ]);
});

test('other documents stay as they are, and nothing is old', () => {
  const { manifests, found } = convert('apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n');
  expect(found).toBe(0);
  expect(manifests).toEqual([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }]);
});

const roleObject = (kind: string, name: string, spec: string): string =>
  `apiVersion: rbac.istio.io/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
const config = roleObject(
  'ClusterRbacConfig',
  'default',
  '{mode: ON_WITH_INCLUSION, inclusion: {namespaces: [default]}}',
);
const everything = roleObject('ServiceRole', 'all', '{rules: [{services: ["*"]}]}');
const everybody = roleObject('ServiceRoleBinding', 'b', '{subjects: [{user: "*"}], roleRef: {name: all}}');
const roles = (...documents: readonly string[]) => convert(documents.join('---\n')).diagnostics;

test.each([
  ['a role that is not there', [config, everybody], 'spec.roleRef.name'],
  [
    'a service that is not there',
    [config, roleObject('ServiceRole', 'all', '{rules: [{services: [shop]}]}'), everybody],
    'spec.rules[0].services[0]',
  ],
  [
    'a condition that nobody knows today',
    [
      config,
      roleObject(
        'ServiceRole',
        'all',
        '{rules: [{services: ["*"], constraints: [{key: destination.user, values: [a]}]}]}',
      ),
      everybody,
    ],
    'spec.rules[0].constraints[0].key',
  ],
  [
    'a subject that is nobody and everybody',
    [config, everything, roleObject('ServiceRoleBinding', 'b', '{subjects: [{}], roleRef: {name: all}}')],
    'spec.subjects[0]',
  ],
])('roles: %s is refused', (_title, documents, field) => {
  expect(roles(...documents).map((each) => [each.severity, each.field])).toEqual([['error', field]]);
});

test('roles that were not enforced are only tried, and where nothing says it, somebody has to look', () => {
  const off = roleObject('ClusterRbacConfig', 'default', '{mode: OFF}');
  const { manifests, diagnostics } = convert([off, everything, everybody].join('---\n'));
  expect(diagnostics).toEqual([]);
  expect(manifests).toMatchObject([
    { metadata: { name: 'b-all', annotations: { 'istio.io/dry-run': 'true' } } },
  ]);
  expect(roles(everything, everybody).map(({ severity }) => severity)).toEqual(['warning']);
});

test('roles of the whole mesh leave gateways open, and say so', () => {
  const on = roleObject(
    'ClusterRbacConfig',
    'default',
    '{mode: ON_WITH_EXCLUSION, exclusion: {namespaces: [open]}}',
  );
  const { manifests, diagnostics } = convert(on);
  expect(diagnostics.map(({ code }) => code)).toEqual(['check-conversion']);
  expect(manifests).toMatchObject([
    { metadata: { name: 'rbac', namespace: 'istio-system' }, spec: {} },
    { metadata: { name: 'no-rbac-gateways' }, spec: { rules: [{}] } },
    { metadata: { name: 'no-rbac-all', namespace: 'open' }, spec: { rules: [{}] } },
  ]);
});
