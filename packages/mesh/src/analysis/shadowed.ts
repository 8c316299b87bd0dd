// Rules of connections that nothing reaches, since earlier ones of the host take all of theirs.
import type { Cause, TcpMatch, TlsMatch } from '@xebec/model';
import type { Conflict } from '../conflict.ts';
import type { Scene } from './scene.ts';

type Match = TcpMatch & Partial<Pick<TlsMatch, 'serverNames'>>;
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
  const taken = new Map<string, Cause>();
  return rules.map((rule) => {
    const keys = rule.matches.length === 0 ? [anything] : rule.matches.flatMap(keysOf);
    const takers = keys.map((key) => taken.get(key) ?? taken.get(anything));
    const [first] = takers;
    const by = takers.includes(undefined) ? undefined : first;
    for (const key of keys) if (!taken.has(key)) taken.set(key, rule.cause);
    return [rule, by] as const;
  });
}

const anything = '||';

/** One key for each name, block and port that a match takes. */
function keysOf({ serverNames = [''], destinationSubnets, port }: Match): readonly string[] {
  const subnets = destinationSubnets.length === 0 ? [''] : destinationSubnets;
  return serverNames.flatMap((name) => subnets.map((subnet) => `${name}|${subnet}|${port ?? ''}`));
}

const shadowOf = (host: string, { object, field }: Cause, by: Cause): Conflict => ({
  code: 'connection-rule-shadowed',
  object,
  ...(field === undefined ? {} : { field }),
  message: `no connection to ${host} reaches this rule: ${by.object} ${by.field ?? ''} takes them first`,
  remedy: 'move it up, narrow the other one, or remove it',
});
