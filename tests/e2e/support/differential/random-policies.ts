// Random authorization policies of one namespace, as manifests: all are valid, and every field has its turn.
import type { Dice } from './dice.ts';
import { audiences, groups, issuers, subjects } from './random-tokens.ts';
import {
  accounts,
  blocks,
  headers,
  headerValues,
  hosts,
  methods,
  namespaces,
  paths,
  serverNames,
  templates,
  trustDomain,
} from './words.ts';

type Json = Readonly<Record<string, unknown>>;

/** A text, or a pattern that texts like it match. */
function patternOf(dice: Dice, text: string): string {
  const cut = 1 + dice.roll(Math.max(1, text.length - 1));
  switch (dice.roll(8)) {
    case 0:
      return `${text.slice(0, cut)}*`;
    case 1:
      return `*${text.slice(cut - 1)}`;
    case 2:
      return '*';
    default:
      return text;
  }
}

const fieldOf = (dice: Dice, name: string, make: () => unknown): Json => ({
  [dice.once(3) ? `not${name.charAt(0).toUpperCase()}${name.slice(1)}` : name]: dice.several(1, 3, make),
});

/** One to three of these, each with its negation now and then. */
function fieldsOf(dice: Dice, makers: Readonly<Record<string, () => unknown>>): Json {
  const names = Object.keys(makers);
  const chosen = dice.several(1, 3, () => dice.pick(names));
  return Object.assign({}, ...chosen.map((name) => fieldOf(dice, name, makers[name] ?? (() => ''))));
}

const domains = [trustDomain, 'cluster.local', 'other.example'];
const principal = (dice: Dice): string =>
  patternOf(dice, `${dice.pick(domains)}/ns/${dice.pick(namespaces)}/sa/${dice.pick(accounts)}`);
const requestPrincipal = (dice: Dice): string =>
  patternOf(dice, `${dice.pick(issuers)}/${dice.pick(subjects)}`);
const group = (dice: Dice): string => patternOf(dice, dice.pick(groups) || 'readers');
const account = (dice: Dice): string => `${dice.pick(namespaces)}/${dice.pick(accounts)}`;
const path = (dice: Dice): string =>
  dice.once(4) ? dice.pick(templates) : patternOf(dice, dice.pick(paths));
const plainHost = (dice: Dice): string => patternOf(dice, dice.pick(hosts).replace(/\.(?=$|:)/, ''));

function sourceOf(dice: Dice): Json {
  if (dice.once(3)) return fieldOf(dice, 'serviceAccounts', () => account(dice));
  return fieldsOf(dice, {
    principals: () => principal(dice),
    requestPrincipals: () => requestPrincipal(dice),
    namespaces: () => patternOf(dice, dice.pick(namespaces)),
    ipBlocks: () => dice.pick(blocks),
    remoteIpBlocks: () => dice.pick(blocks),
  });
}

const operationOf = (dice: Dice, ports: readonly number[]): Json =>
  fieldsOf(dice, {
    hosts: () => plainHost(dice),
    ports: () => String(dice.pick(ports)),
    methods: () => patternOf(dice, dice.pick(methods)),
    paths: () => path(dice),
  });

function conditionOf(dice: Dice, ports: readonly number[]): Json {
  const makers: Readonly<Record<string, () => string>> = {
    [`request.headers[${dice.pick(headers)}]`]: () => patternOf(dice, dice.pick(headerValues)),
    'source.ip': () => dice.pick(blocks),
    'remote.ip': () => dice.pick(blocks),
    'source.namespace': () => patternOf(dice, dice.pick(namespaces)),
    'source.principal': () => principal(dice),
    'source.serviceAccount': () => account(dice),
    'destination.ip': () => dice.pick(blocks),
    'destination.port': () => String(dice.pick(ports)),
    'connection.sni': () => patternOf(dice, dice.pick(serverNames)),
    'request.auth.principal': () => requestPrincipal(dice),
    'request.auth.audiences': () => patternOf(dice, dice.pick(audiences)),
    'request.auth.presenter': () => group(dice),
    'request.auth.claims[groups]': () => group(dice),
    'request.auth.claims[realm][roles]': () => group(dice),
    'request.auth.claims[scope]': () => group(dice),
  };
  const key = dice.once(2) ? (Object.keys(makers)[0] ?? '') : dice.pick(Object.keys(makers));
  const make = makers[key] ?? (() => '');
  const values = dice.several(1, 2, make);
  switch (dice.roll(4)) {
    case 0:
      return { key, notValues: values };
    case 1:
      return { key, values, notValues: dice.several(1, 2, make) };
    default:
      return { key, values };
  }
}

const listed = (name: string, list: readonly unknown[]): Json => (list.length === 0 ? {} : { [name]: list });

const ruleOf = (dice: Dice, ports: readonly number[]): Json => ({
  ...listed(
    'from',
    dice.several(0, 2, () => ({ source: sourceOf(dice) })),
  ),
  ...listed(
    'to',
    dice.several(0, 2, () => ({ operation: operationOf(dice, ports) })),
  ),
  ...listed('when', dice.once(2) ? [] : dice.several(0, 2, () => conditionOf(dice, ports))),
});

interface Kind {
  readonly action: string;
  /** Whom it asks. */
  readonly provider?: string;
  readonly isTried?: boolean;
}

function kindOf(dice: Dice): Kind {
  switch (dice.roll(10)) {
    case 0:
      return { action: 'AUDIT' };
    case 1:
    case 2:
      return { action: 'CUSTOM', provider: dice.once(4) ? 'nobody' : 'judge' };
    default:
      return { action: dice.once(2) ? 'DENY' : 'ALLOW', isTried: dice.once(5) };
  }
}

/** One to four policies; `ports` are numbers that calls may be for. Those that ask have the name of whom they ask in theirs. */
export const policiesOf = (dice: Dice, namespace: string, ports: readonly number[]): readonly Json[] =>
  dice
    .several(1, 4, () => kindOf(dice))
    .map(({ action, provider, isTried = false }, index) => ({
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: {
        name: provider === undefined ? `p${index}` : `p${index}-${provider}`,
        namespace,
        ...(isTried ? { annotations: { 'istio.io/dry-run': 'true' } } : {}),
      },
      spec: {
        action,
        ...(provider === undefined ? {} : { provider: { name: provider } }),
        rules: dice.several(dice.once(8) ? 0 : 1, 3, () => ruleOf(dice, ports)),
      },
    }));
