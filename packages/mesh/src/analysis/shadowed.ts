// Rules and matches that nothing reaches, since earlier ones take all of theirs: of connections, and of every VirtualService by itself.
import type { HttpMatchSpec, ObjectOf, TcpMatchSpec, TlsMatchSpec } from '@xebec/config';
import type { Cause, TcpMatch, TlsMatch } from '@xebec/model';
import type { Conflict } from '../conflict.ts';
import { type AudienceMatch, takersOf as takersOfRequests } from '../shadowed-rules.ts';
import { objectOf, type Scene } from './scene.ts';

type Match = TcpMatch & Partial<Pick<TlsMatch, 'serverNames'>> & { readonly audience?: string };
interface Rule {
  readonly matches: readonly Match[];
  readonly cause: Cause;
}

/** A rule counts as reached where one of the clients that have it reaches it. */
export function* checkConnections({ mesh }: Scene): Generator<Conflict> {
  const shadowed = new Map<string, Conflict>();
  const reached = new Set<string>();
  for (const [, { host, tls, tcp }] of mesh.connectionTables.entries()) {
    for (const rules of [tls, tcp]) {
      for (const [rule, by] of takersOf(rules)) {
        const id = `${host}|${rule.cause.object}|${rule.cause.field ?? ''}`;
        if (by === undefined) reached.add(id);
        else shadowed.set(id, shadowOf(host, rule.cause, by));
      }
    }
  }
  for (const [id, conflict] of shadowed) if (!reached.has(id)) yield conflict;
}

/** Each rule with the one that takes everything of it. */
function takersOf(rules: readonly Rule[]): readonly (readonly [Rule, Cause | undefined])[] {
  return coversOf(rules).map(([rule, takers]) => {
    const [first] = takers;
    return [rule, takers.includes(undefined) ? undefined : first] as const;
  });
}

/** Each rule with what takes each of its matches. */
function coversOf(rules: readonly Rule[]): readonly (readonly [Rule, readonly (Cause | undefined)[]])[] {
  const taken = new Map<string, Cause>();
  return rules.map((rule) => {
    const matches = rule.matches.length === 0 ? [[anything]] : rule.matches.map(keysOf);
    const takers = matches.map((keys) => {
      const found = keys.map((key) => taken.get(key) ?? taken.get(anything));
      for (const key of keys) if (!taken.has(key)) taken.set(key, rule.cause);
      return found.includes(undefined) ? undefined : found[0];
    });
    return [rule, takers] as const;
  });
}

const anything = '|||';

/** One key for each name, block and port that a match takes. */
function keysOf({ serverNames = [''], destinationSubnets, port, audience = '' }: Match): readonly string[] {
  const subnets = destinationSubnets.length === 0 ? [''] : destinationSubnets;
  return serverNames.flatMap((name) =>
    subnets.map((subnet) => `${name}|${subnet}|${port ?? ''}|${audience}`),
  );
}

const shadowOf = (host: string, { object, field }: Cause, by: Cause): Conflict => ({
  code: 'connection-rule-shadowed',
  object,
  ...(field === undefined ? {} : { field }),
  message: `no connection to ${host} reaches this rule: ${by.object} ${by.field ?? ''} takes them first`,
  remedy: 'move it up, narrow the other one, or remove it',
});

type VirtualService = ObjectOf<'VirtualService'>;

/** What a VirtualService says about itself, wherever it is bound. */
export function* checkOwnRules({ objects }: Scene): Generator<Conflict> {
  for (const object of objects.list('VirtualService')) {
    const { http, tls, tcp } = object.spec;
    const requests = http.map(({ matches }, position) => ({
      cause: causeOf(object, `spec.http[${position}]`),
      matches: matches.map((match, index): AudienceMatch => {
        const cause = causeOf(object, `spec.http[${position}].match[${index}]`);
        return { ...match, cause, ...audienceOf(match) };
      }),
    }));
    for (const { rule, takers } of takersOfRequests(requests)) yield* told(rule.cause, takers, 'request');
    for (const [kind, rules] of Object.entries({ tls, tcp })) {
      const ordered = rules.map(({ matches }, position): Rule => {
        const field = `spec.${kind}[${position}]`;
        return {
          cause: causeOf(object, field),
          matches: matches.map((match: TcpMatchSpec | TlsMatchSpec, index) =>
            connectionMatch(match, causeOf(object, `${field}.match[${index}]`)),
          ),
        };
      });
      for (const [rule, takers] of coversOf(ordered)) yield* told(rule.cause, takers, 'connection');
    }
  }
}

const causeOf = (object: VirtualService, field: string): Cause => ({ object: objectOf(object), field });

type Source = Pick<HttpMatchSpec, 'gateways' | 'sourceLabels' | 'sourceNamespace'>;

/** Whom a match is for; absent: everybody. */
function audienceOf({ gateways, sourceLabels, sourceNamespace }: Source): { readonly audience?: string } {
  if (gateways.length === 0 && Object.keys(sourceLabels).length === 0 && sourceNamespace === undefined)
    return {};
  return { audience: JSON.stringify([gateways, Object.entries(sourceLabels).sort(), sourceNamespace]) };
}

const connectionMatch = (match: TcpMatchSpec | TlsMatchSpec, cause: Cause): Match => ({
  destinationSubnets: match.destinationSubnets,
  ...(match.port === undefined ? {} : { port: match.port }),
  ...('sniHosts' in match ? { serverNames: match.sniHosts } : {}),
  ...audienceOf(match),
  cause,
});

/** The rule where all of it is taken, else its matches that are. */
function* told(
  { object, field = '' }: Cause,
  takers: readonly (Cause | undefined)[],
  what: 'request' | 'connection',
): Generator<Conflict> {
  const [first] = takers;
  if (first !== undefined && !takers.includes(undefined)) {
    yield {
      code: what === 'request' ? 'rule-shadowed' : 'connection-rule-shadowed',
      object,
      field,
      message: `no ${what} reaches this rule: ${first.field ?? ''} takes them first`,
      remedy: 'move it up, narrow the other one, or remove it',
    };
    return;
  }
  for (const [position, taker] of takers.entries()) {
    if (taker === undefined) continue;
    yield {
      code: 'match-shadowed',
      object,
      field: `${field}.match[${position}]`,
      message: `this match makes no difference: ${taker.field ?? ''} takes every ${what} of it first`,
      remedy: 'remove it, or move it up',
    };
  }
}
