// Rules that no request reaches, since earlier ones take all of theirs; told only when it is certain, in time linear in the rules.
import type { Collection, Graph } from '@xebec/flow';
import type { Cause, Host, HttpMatch, HttpRule, Layered, RouteTable, StringMatch } from '@xebec/model';
import { type Diagnostic, deepEqual } from '@xebec/std';
import { type Conflict, conflictRow } from './conflict.ts';

export function deriveShadowedRules(
  graph: Graph,
  routeTables: Collection<Layered<Host>, RouteTable>,
): Collection<string, Diagnostic> {
  return graph.derive({
    name: 'mesh.shadowedRules',
    from: routeTables,
    equals: deepEqual,
    fn: ({ host, rules }, key) =>
      new Map(shadowsOf(host, rules).map((conflict) => conflictRow(conflict, key))),
  });
}

/** One warning for each rule that is never reached. */
export function shadowsOf(host: Host, rules: readonly HttpRule[]): readonly Conflict[] {
  if (rules.length < 2) return [];
  const seen: Seen = new Map();
  return rules.flatMap((rule) => {
    const matches = rule.matches.length === 0 ? [everything(rule.cause)] : rule.matches;
    const covers = matches.map((match) => coverOf(match, seen));
    for (const match of matches) remember(match, seen);
    const [first] = covers;
    if (first === undefined || covers.includes(undefined)) return [];
    return [shadowOf(host, rule, first)];
  });
}

const shadowOf = (host: Host, { cause }: HttpRule, by: Cause): Conflict => ({
  code: 'rule-shadowed',
  object: cause.object,
  ...(cause.field === undefined ? {} : { field: cause.field }),
  message: `no request to ${host} reaches this route: ${by.object} ${by.field ?? ''} takes them first`,
  remedy: 'move it up, narrow the other one, or remove it',
});

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
const conditionsOf = (match: HttpMatch): string =>
  JSON.stringify([
    match.scheme,
    match.method,
    match.authority,
    match.port,
    sorted(match.headers),
    sorted(match.withoutHeaders),
    sorted(match.queryParams),
  ]);

const noConditions = conditionsOf(everything({ object: 'VirtualService//' }));
const anyPath = 'prefix /';

function remember(match: HttpMatch, seen: Seen): void {
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

function coverOf(match: HttpMatch, seen: Seen): Cause | undefined {
  const conditions = conditionsOf(match);
  for (const key of conditions === noConditions ? [noConditions] : [conditions, noConditions]) {
    const paths = seen.get(key);
    const found = paths === undefined ? undefined : takerOf(match, paths);
    if (found !== undefined) return found;
  }
  return undefined;
}

const mostParts = 64;

/** Prefixes are looked for where a part of the path ends. */
function takerOf({ uri, ...match }: HttpMatch, paths: ReadonlyMap<string, Cause>): Cause | undefined {
  const same = paths.get(pathOf({ ...match, ...(uri === undefined ? {} : { uri }) })) ?? paths.get(anyPath);
  if (same !== undefined || uri === undefined || uri.kind === 'present' || uri.kind === 'regex') return same;
  const ends: number[] = [uri.value.length];
  for (
    let at = uri.value.indexOf('/');
    at >= 0 && ends.length < mostParts;
    at = uri.value.indexOf('/', at + 1)
  )
    ends.push(at, at + 1);
  for (const end of ends) {
    const prefix = uri.value.slice(0, end);
    const plain = match.ignoreUriCase ? undefined : paths.get(`prefix ${prefix}`);
    const found = plain ?? paths.get(`prefix folded ${prefix.toLowerCase()}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
