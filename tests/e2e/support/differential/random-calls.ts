// Random requests: who sends them, from where, and what is in them, among it what tries to look like something else.
import type { Dice } from './dice.ts';
import { verdictHeader } from './judge.ts';
import { tokenFor } from './random-tokens.ts';
import {
  accounts,
  clientAddresses,
  forwarded,
  headers,
  headerValues,
  hosts,
  methods,
  namespaces,
  paths,
  serverNames,
  trustDomain,
} from './words.ts';

/** Who calls, and how: one connection may carry many calls. */
export interface Client {
  /** A SPIFFE id; absent: in clear text. */
  readonly identity?: string;
  readonly ip: string;
  /** Empty: none. */
  readonly sni: string;
}

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: readonly (readonly [string, string])[];
}

export const identities: readonly string[] = namespaces.flatMap((namespace) =>
  accounts.map((account) => `spiffe://${trustDomain}/ns/${namespace}/sa/${account}`),
);

export function clientOf(dice: Dice): Client {
  const ip = dice.pick(clientAddresses);
  if (dice.once(4)) return { ip, sni: '' };
  return { identity: dice.pick(identities), ip, sni: dice.once(3) ? '' : dice.pick(serverNames) };
}

/** What a URL may hold, and what it may not without being changed. */
const odd = '!"$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

function disguised(dice: Dice, path: string): string {
  const at = 1 + dice.roll(path.length);
  const code = (letter: string): string => {
    const hex = letter.charCodeAt(0).toString(16);
    return `%${dice.once(2) ? hex : hex.toUpperCase()}`;
  };
  const inserted = dice.pick([
    ...['/..;x/', '/.;', '/%2e%2e;/', '\\..;y/'],
    ...['/', '//', '/.', '/./', '/../', '/x/../', '\\', '/%2e%2e/', '%2f', '%2F', '%5c', '%5C..%5C', '%2e'],
    ...['%', '%4', '%zz', ';', '?a=/b', '%3F', '..', '%25', code(String.fromCharCode(33 + dice.roll(94)))],
    odd.charAt(dice.roll(odd.length)),
    code(String.fromCharCode(1 + dice.roll(255))),
  ]);
  const letter = path.charAt(at);
  const isEscaped = dice.once(3) && /[a-z]/i.test(letter);
  return isEscaped
    ? `${path.slice(0, at)}${code(letter)}${path.slice(at + 1)}`
    : `${path.slice(0, at)}${inserted}${path.slice(at)}`;
}

function pathOf(dice: Dice): string {
  let path: string = dice.pick(paths);
  while (dice.once(2)) path = disguised(dice, path);
  return path;
}

function headersOf(dice: Dice): Request['headers'] {
  const sent = dice.several(0, 3, (): readonly [string, string] => {
    const value = dice.pick(headerValues);
    const listed = dice.once(4) ? `${value} ,${dice.pick(headerValues)}` : value;
    const name = dice.pick(headers);
    return [dice.once(3) ? name.toUpperCase() : name, dice.once(12) ? '' : listed];
  });
  if (!dice.once(5)) return sent;
  const chain = dice.several(1, 3, () => dice.pick(forwarded)).join(', ');
  return [...sent, ['X-Forwarded-For', dice.once(8) ? 'unknown' : chain]];
}

const tokenIn = (dice: Dice): Request['headers'] =>
  dice.once(3) ? [] : [['Authorization', `Bearer ${tokenFor(dice)}`]];

/** What the provider is to say, should it be asked. */
const verdictOf = (dice: Dice): string => (dice.once(2) ? 'deny' : 'allow');

export const requestOf = (dice: Dice): Request => ({
  method: dice.pick(methods),
  path: pathOf(dice),
  host: dice.pick(hosts),
  headers: [...headersOf(dice), ...tokenIn(dice), [verdictHeader, verdictOf(dice)]],
});
