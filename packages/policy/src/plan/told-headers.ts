// Which headers rules read when a call is over: proxies tell of no others.
import { readSyntax } from '../expressions/istio/read-syntax.ts';
import type { Syntax } from '../expressions/istio/syntax.ts';
import type { ResolvedRule } from './plan-rule.ts';
import { textsOf } from './rule-texts.ts';

export interface ToldHeaders {
  readonly request: readonly string[];
  readonly response: readonly string[];
}

const maps = { 'request.headers': 'request', 'response.headers': 'response' } as const;

/** Of what their matches and instances name by constant keys, in lower case and in order. */
export function toldHeadersOf(rules: Iterable<ResolvedRule>): ToldHeaders {
  const told = { request: new Set<string>(), response: new Set<string>() };
  const visit = (syntax: Syntax): void => {
    if (syntax.kind !== 'call') return;
    const [map, key] = syntax.args;
    if (
      syntax.name === 'INDEX' &&
      map?.kind === 'attribute' &&
      key?.kind === 'constant' &&
      isHeaderMap(map.name)
    ) {
      told[maps[map.name]].add(String(key.value).toLowerCase());
    }
    for (const part of [syntax.target, ...syntax.args]) if (part !== undefined) visit(part);
  };
  for (const rule of rules) {
    for (const text of textsOf(rule)) {
      const read = readSyntax(text);
      if (read.ok) visit(read.syntax);
    }
  }
  return { request: [...told.request].sort(), response: [...told.response].sort() };
}

const isHeaderMap = (name: string): name is keyof typeof maps => Object.hasOwn(maps, name);
