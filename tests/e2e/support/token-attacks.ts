// Tokens that nobody issued, in every way that somebody may try, and what it costs to refuse them: work is counted in processor time, since others use this machine too.
import { cpuMsOf } from './cpu-time.ts';
import { encoded, newSigningKey, nowSeconds, type SigningKey, signed, signedWithSecret } from './tokens.ts';

export interface Forger {
  readonly issuer: string;
  readonly audience: string;
  /** ES256, known as `first`. */
  readonly key: SigningKey;
  /** RS256, known as `second`. */
  readonly rsaKey: SigningKey;
}

export interface ForgedTokens {
  /** What the issuer would give. */
  readonly good: string;
  readonly attacks: Readonly<Record<string, string>>;
}

export function forgeTokens({ issuer, audience, key, rsaKey }: Forger): ForgedTokens {
  const now = nowSeconds();
  const good = { iss: issuer, sub: 'alice', aud: audience, exp: now + 3_600 };
  const header = { alg: 'ES256', kid: 'first', typ: 'JWT' };
  const [head = '', body = '', signature = ''] = signed(key, header, good).split('.');
  const evil = newSigningKey('evil');
  const stranger = newSigningKey('first');
  const attacks: Readonly<Record<string, string>> = {
    'one of nobody': signed(stranger, header, good),
    'one without a signature': `${head}.${body}.`,
    'one that is cut off': `${head}.${body}`,
    'another body': `${head}.${encoded({ ...good, sub: 'root' })}.${signature}`,
    'another signature': `${head}.${body}.${signature.replace(/^./, (letter) => (letter === 'A' ? 'B' : 'A'))}`,
    'alg none': `${encoded({ alg: 'none' })}.${body}.`,
    'alg None': `${encoded({ alg: 'None', kid: 'first' })}.${body}.${signature}`,
    'no alg': signed(key, { kid: 'first' }, good),
    'the public key as a secret': signedWithSecret(rsaKey.pem, { alg: 'HS256', kid: 'second' }, good),
    'the public key as a secret, as it is published': signedWithSecret(
      JSON.stringify(rsaKey.jwk),
      { alg: 'HS256', kid: 'second' },
      good,
    ),
    'an empty secret': signedWithSecret('', { alg: 'HS256' }, good),
    'a path for a key id': signed(stranger, { ...header, kid: '../../../../dev/null' }, good),
    'an empty key at a path': signedWithSecret('', { alg: 'HS256', kid: '/dev/null' }, good),
    'a query for a key id': signed(stranger, { ...header, kid: "x' UNION SELECT 'a" }, good),
    'a key of its own': signed(evil, { alg: 'ES256', jwk: evil.jwk }, good),
    'the address of a key': signed(evil, { alg: 'ES256', kid: 'evil', jku: 'http://127.0.0.1:1/keys' }, good),
    'the address of a certificate': signed(evil, { alg: 'ES256', x5u: 'http://127.0.0.1:1/a.pem' }, good),
    'another kind of key': signed(key, { alg: 'RS256', kid: 'second' }, good),
    'an unknown extension that is critical': signed(stranger, { ...header, crit: ['x'], x: 1 }, good),
    expired: signed(key, header, { ...good, exp: now - 120 }),
    'not yet valid': signed(key, header, { ...good, nbf: now + 600 }),
    'for somebody else': signed(key, header, { ...good, aud: 'blog' }),
    'for nobody': signed(key, header, { ...good, aud: undefined }),
    'of another issuer': signed(key, header, { ...good, iss: 'https://evil.example' }),
    'of an issuer that looks alike': signed(key, header, { ...good, iss: `${issuer}/` }),
    'of no issuer': signed(key, header, { ...good, iss: undefined }),
    'an issuer that is a list': signed(key, header, { ...good, iss: [issuer] }),
    'an issuer that is a number': signed(key, header, { ...good, iss: 7 }),
    'an end that is a text': signed(key, header, { ...good, exp: `${now + 3_600}` }),
    'an end before time': signed(key, header, { ...good, exp: -1 }),
    'a subject that is a map': signed(key, header, { ...good, sub: { name: 'alice' } }),
    'an audience that is a map': signed(key, header, { ...good, aud: { [audience]: true } }),
    'a body that is no map': signed(key, header, '"alice"'),
    'a body that is a list': signed(key, header, [good]),
    'deep nesting': signed(key, header, `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`),
    'a header that is no JSON': `${encoded('{')}.${body}.${signature}`,
    'no base64': `${head}.@@@.${signature}`,
    'no token at all': 'abc',
    'a million letters': `${head}.${'A'.repeat(1_000_000)}.${signature}`,
  };
  return { good: signed(key, header, good), attacks };
}

export interface Target {
  /** Of the proxy that refuses. */
  readonly pid: number;
  /** The status of the answer; undefined: the connection was closed. */
  readonly send: (token: string) => Promise<number | undefined>;
}

const repeats = 5;
const mostMs = 50;
const refusals: ReadonlySet<number | undefined> = new Set([401, 403, 431, undefined]);

/** Which tokens were accepted, and which took more work than they may. */
export async function attack(attacks: ForgedTokens['attacks'], { pid, send }: Target) {
  const accepted: string[] = [];
  const dear: string[] = [];
  let dearest = 0;
  for (const [name, token] of Object.entries(attacks)) {
    const before = cpuMsOf(pid);
    for (let round = 0; round < repeats; round += 1) {
      const status = await send(token);
      if (!refusals.has(status)) accepted.push(`${name}: ${status}`);
    }
    const eachMs = (cpuMsOf(pid) - before) / repeats;
    dearest = Math.max(dearest, eachMs);
    if (eachMs >= mostMs) dear.push(`${name}: ${eachMs} ms`);
  }
  process.stdout.write(`${Object.keys(attacks).length} forged tokens, at most ${dearest} ms of work each\n`);
  return { accepted, dear };
}
