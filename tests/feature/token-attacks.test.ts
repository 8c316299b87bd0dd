// Forged tokens as `xebec authz check` reads them: each is refused, for as little work as a proxy may spend on it.
import { rawObject } from '@xebec/config';
import { checkerOf } from '@xebec/control-plane';
import { expect, it } from 'vitest';
import { forgeTokens } from '../e2e/support/token-attacks.ts';
import { keySetOf, newSigningKey } from '../e2e/support/tokens.ts';

const issuer = 'https://accounts.example';
const key = newSigningKey('first');
const rsaKey = newSigningKey('second', 'RS256');
const metadata = { name: 'echo', namespace: 'default' };
const selector = { matchLabels: { app: 'echo' } };

const documents = [
  {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, labels: { app: 'echo' } } },
    spec: { containers: [{ name: 'echo', image: 'echo', ports: [{ containerPort: 8080 }] }] },
  },
  {
    ...{ apiVersion: 'security.istio.io/v1', kind: 'RequestAuthentication', metadata },
    spec: { selector, jwtRules: [{ issuer, jwks: keySetOf(key, rsaKey), audiences: ['shop'] }] },
  },
  {
    ...{ apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata },
    spec: { selector, rules: [{ from: [{ source: { requestPrincipals: [`${issuer}/*`] } }] }] },
  },
];

const repeats = 5;

it('[AU-2] [AU-7] are refused by the evaluator, too, each for less than 50 ms of work', () => {
  const checker = checkerOf(
    documents.map((document) => rawObject(document, {})),
    { defaultNamespace: 'default' },
  );
  expect(checker.refused).toEqual([]);
  const decide = (jwt: string) => {
    const answer = checker.check({ to: 'echo', port: 8080, method: 'GET', path: '/', host: 'echo', jwt });
    return answer.ok ? answer.value.decision : answer.diagnostics[0]?.code;
  };
  const forged = forgeTokens({ issuer, audience: 'shop', key, rsaKey });
  expect(decide(forged.good)).toBe('ALLOW');
  const accepted: string[] = [];
  const dear: string[] = [];
  for (const [name, token] of Object.entries(forged.attacks)) {
    const before = process.cpuUsage();
    for (let round = 0; round < repeats; round += 1) if (decide(token) !== 'DENY') accepted.push(name);
    const { user, system } = process.cpuUsage(before);
    const eachMs = (user + system) / 1_000 / repeats;
    if (eachMs >= 50) dear.push(`${name}: ${eachMs} ms`);
  }
  expect({ accepted, dear }).toEqual({ accepted: [], dear: [] });
});
