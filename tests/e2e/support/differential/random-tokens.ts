// Random tokens of end users: issuers and subjects that look alike when they are put together, claims of every shape, and forgeries.
import { newSigningKey, nowSeconds, signed, tokenOf } from '../tokens.ts';
import type { Dice } from './dice.ts';

export const issuers = ['https://a.example', 'https://a.example/b', 'a'] as const;
export const subjects = ['x', 'b/x', 'x/y', 'x y'] as const;
export const audiences = ['shop', 'shops', 'blog'] as const;
export const groups = ['readers', 'reader', 'writers', 'a b', ''] as const;

const key = newSigningKey('first');
const forger = newSigningKey('first');

/** Holds in every namespace. */
export const requestAuthentication = {
  apiVersion: 'security.istio.io/v1',
  kind: 'RequestAuthentication',
  metadata: { name: 'users', namespace: 'istio-system' },
  spec: {
    jwtRules: issuers.map((issuer) => ({
      issuer,
      jwks: JSON.stringify({ keys: [key.jwk] }),
      ...(issuer === 'a' ? { audiences: ['shop'] } : {}),
      spaceDelimitedClaims: ['scope'],
    })),
  },
};

const claimOf = (dice: Dice): unknown => {
  switch (dice.roll(8)) {
    case 0:
      return dice.roll(3);
    case 1:
      return dice.once(2);
    case 2:
      return { roles: dice.pick(groups) };
    case 3:
      return [dice.pick(groups), dice.roll(3), null];
    case 4:
    case 5:
      return dice.several(0, 3, () => dice.pick(groups));
    default:
      return dice.pick(groups);
  }
};

const maybe = (dice: Dice, name: string, make: () => unknown): object =>
  dice.once(4) ? {} : { [name]: make() };

/** One in eight is no good. */
export function tokenFor(dice: Dice): string {
  const claims = {
    iss: dice.pick(issuers),
    ...maybe(dice, 'sub', () => dice.pick(subjects)),
    ...maybe(dice, 'aud', () =>
      dice.once(2) ? dice.pick(audiences) : dice.several(1, 2, () => dice.pick(audiences)),
    ),
    ...maybe(dice, 'azp', () => dice.pick(groups)),
    ...maybe(dice, 'groups', () => claimOf(dice)),
    ...maybe(dice, 'realm', () => (dice.once(4) ? claimOf(dice) : { roles: claimOf(dice) })),
    ...maybe(dice, 'scope', () => dice.several(0, 3, () => dice.pick(groups)).join(' ')),
  };
  const header = { alg: 'ES256', kid: 'first' };
  switch (dice.roll(40)) {
    case 0:
      return tokenOf(forger, claims);
    case 1:
      return tokenOf(key, { ...claims, exp: nowSeconds() - 600 });
    case 2:
      return tokenOf(key, { ...claims, nbf: nowSeconds() + 600 });
    case 3:
      return tokenOf(key, { ...claims, iss: 'https://b.example' });
    case 4:
      return signed(key, { ...header, alg: 'none' }, claims);
    default:
      return tokenOf(key, claims);
  }
}
