// Rules that no request reaches, since earlier ones take all of theirs; told only when it is certain, in time linear in the rules.
import type { Collection, Graph } from '@xebec/flow';
import type { Cause, Host, HttpMatch, HttpRule, Layered, RouteTable, StringMatch } from '@xebec/model';
import { type Diagnostic, deepEqual } from '@xebec/std';
import { type Conflict, conflictRows } from './conflict.ts';

/** By host: a rule counts as reached when some of the clients that have it reach it. */
export function deriveShadowedRules(
  graph: Graph,
  routeTables: Collection<Layered<Host>, RouteTable>,
): Collection<string, Diagnostic> {
  const tablesByHost = graph.index(routeTables, 'byHost', ({ host, rules }) =>
    rules.length < 2 ? [] : [host],
  );
  return graph.derive({
    name: 'mesh.shadowedRules',
    from: graph.group(tablesByHost),
    reads: { tablesByHost },
    equals: deepEqual,
    fn: (_keys, host, read) => {
      const tables = read.tablesByHost.at(host).map(([, { rules }]) => rules);
      return conflictRows(shadowsInAll(host, tables), host);
    },
  });
}

function shadowsInAll(host: Host, tables: readonly (readonly HttpRule[])[]): readonly Conflict[] {
  const idOf = ({ object, field = '' }: Cause): string => `${object}#${field}`;
  const reached = new Set<string>();
  const shadows = new Map<string, Conflict>();
  for (const rules of tables) {
    const found = new Map(shadowsOf(host, rules).map((each) => [idOf(each), each]));
    for (const { cause } of rules) if (!found.has(idOf(cause))) reached.add(idOf(cause));
    for (const [id, conflict] of found) shadows.set(id, conflict);
  }
  return [...shadows].flatMap(([id, conflict]) => (reached.has(id) ? [] : [conflict]));
}

/** One warning for each rule that is never reached. */
export function shadowsOf(host: Host, rules: readonly HttpRule[]): readonly Conflict[] {
  return takersOf(rules).flatMap(({ rule, takers }) => {
    const [first] = takers;
    return first === undefined || takers.includes(undefined) ? [] : [shadowOf(host, rule, first)];
  });
}

const shadowOf = (host: Host, { cause }: OrderedRule, by: Cause): Conflict => ({
  code: 'rule-shadowed',
  object: cause.object,
  ...(cause.field === undefined ? {} : { field: cause.field }),
  message: `no request to ${host} reaches this route: ${by.object} ${by.field ?? ''} takes them first`,
  remedy: 'move it up, narrow the other one, or remove it',
});

/** A match that may be for some clients only; those of equal audiences are the same. */
export type AudienceMatch = HttpMatch & { readonly audience?: string };

export interface OrderedRule {
  /** Empty: everything. */
  readonly matches: readonly AudienceMatch[];
  readonly cause: Cause;
}

/** Each rule with what takes each of its matches before it (or before the match, in the rule itself); undefined: nothing does. */
export function takersOf<R extends OrderedRule>(
  rules: readonly R[],
): readonly { readonly rule: R; readonly takers: readonly (Cause | undefined)[] }[] {
  const seen: Seen = new Map();
  return rules.map((rule) => {
    const matches = rule.matches.length === 0 ? [everything(rule.cause)] : rule.matches;
    const takers = matches.map((match) => {
      const taker = coverOf(match, seen);
      remember(match, seen);
      return taker;
    });
    return { rule, takers };
  });
}

const everything = (cause: Cause): HttpMatch => ({
  ignoreUriCase: false,
  headers: {},
  withoutHeaders: {},
  queryParams: {},
  cause,
});

/** Paths that are taken, by what else a request must have. */
type Seen = Map<string, Map<string, Cause>>;

const sorted = (map: Readonly<Record<string, StringMatch>>) =>
  Object.entries(map).sort(([left], [right]) => (left < right ? -1 : 1));

/** Everything but the path, as text. */
const conditionsOf = (match: AudienceMatch): string =>
  JSON.stringify([
    match.audience,
    match.scheme,
    match.method,
    match.authority,
    match.port,
    sorted(match.headers),
    sorted(match.withoutHeaders),
    sorted(match.queryParams),
  ]);

const anyPath = 'prefix /';

function remember(match: AudienceMatch, seen: Seen): void {
  const conditions = conditionsOf(match);
  const paths = seen.get(conditions) ?? new Map<string, Cause>();
  seen.set(conditions, paths);
  const path = pathOf(match);
  if (!paths.has(path)) paths.set(path, match.cause);
}

function pathOf({ uri, ignoreUriCase }: HttpMatch): string {
  if (uri === undefined || uri.kind === 'present') return anyPath;
  if (uri.kind === 'regex') return uri.value === '.*' || uri.value === '/.*' ? anyPath : `regex ${uri.value}`;
  return ignoreUriCase && uri.value !== '/'
    ? `${uri.kind} folded ${uri.value.toLowerCase()}`
    : `${uri.kind} ${uri.value}`;
}

/** What is taken of everybody is taken of each audience, what is taken without conditions is taken with them. */
function coverOf(match: AudienceMatch, seen: Seen): Cause | undefined {
  const { audience, ...conditions } = match;
  const alone = everything(match.cause);
  const wider = [match, conditions, { ...alone, ...(audience === undefined ? {} : { audience }) }, alone];
  for (const key of new Set(wider.map(conditionsOf))) {
    const paths = seen.get(key);
    const found = paths === undefined ? undefined : takerOf(match, paths);
    if (found !== undefined) return found;
  }
  return undefined;
}

const longestPrefix = 256;

/** A prefix takes every path that begins with it, wherever its parts end. */
function takerOf({ uri, ...match }: HttpMatch, paths: ReadonlyMap<string, Cause>): Cause | undefined {
  const same = paths.get(pathOf({ ...match, ...(uri === undefined ? {} : { uri }) })) ?? paths.get(anyPath);
  if (same !== undefined || uri === undefined || uri.kind === 'present' || uri.kind === 'regex') return same;
  for (let end = 1; end <= Math.min(uri.value.length, longestPrefix); end++) {
    const prefix = uri.value.slice(0, end);
    const plain = match.ignoreUriCase ? undefined : paths.get(`prefix ${prefix}`);
    const found = plain ?? paths.get(`prefix folded ${prefix.toLowerCase()}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
