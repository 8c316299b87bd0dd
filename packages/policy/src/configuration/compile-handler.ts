// Compiles handlers: which adapter, and its parameters as the adapter reads them.
import { quote, suggestion } from '@xebec/config/decode';
import { stableStringify } from '@xebec/std';
import type { AdapterForm } from '../adapters/sdk.ts';
import { standardTemplates } from '../templates/catalog.ts';
import type { Template } from '../templates/template.ts';
import type { HandlerPlan, RemotePlan } from './compiled.ts';
import { collectFaults, type Faults } from './faults.ts';
import { fullName, resolve } from './names.ts';
import type { PolicyObjectOf } from './policy-object.ts';

/** An adapter resource whose templates are known. */
export interface OutsideAdapter {
  readonly object: PolicyObjectOf<'adapter'>;
  readonly templates: readonly Template[];
}

export interface HandlerScope {
  /** Inside the policy service, by name and alias. */
  readonly adapters: ReadonlyMap<string, AdapterForm>;
  /** By full name. */
  readonly outside: ReadonlyMap<string, OutsideAdapter>;
}

/** A handler before it is known which instances it gets. */
export type HandlerDraft = Omit<HandlerPlan, 'instances' | 'takes' | 'signature'>;

export interface HandlerOutcome {
  readonly draft?: HandlerDraft;
  readonly faults: Faults;
}

export function compileHandler(object: PolicyObjectOf<'handler'>, scope: HandlerScope): HandlerOutcome {
  const faults = collectFaults(object.origin);
  const { compiledAdapter = '', adapter = '' } = object.spec;
  const draft =
    compiledAdapter !== ''
      ? compileInside(object, compiledAdapter, { scope, faults })
      : compileOutside(object, adapter, { scope, faults });
  return draft === undefined || faults.hasErrors ? { faults } : { draft, faults };
}

interface Context {
  readonly scope: HandlerScope;
  readonly faults: Faults;
}

function compileInside(
  object: PolicyObjectOf<'handler'>,
  written: string,
  { scope, faults }: Context,
): HandlerDraft | undefined {
  const adapter = scope.adapters.get(written);
  if (adapter === undefined) {
    const message = `there is no adapter ${quote(written)} in the policy service`;
    const remedy = suggestion(written, [...scope.adapters.keys()]);
    faults.add(['spec', 'compiledAdapter'], { code: 'unknown-adapter', message, remedy });
    return undefined;
  }
  const parsed = adapter.parse(object.spec.params ?? {});
  faults.adopt(['spec', 'params'], parsed.ok ? parsed.warnings : parsed.diagnostics);
  if (!parsed.ok) return undefined;
  return { ...identity(object), adapter, config: parsed.value };
}

const identity = (
  object: PolicyObjectOf<'handler'>,
): Pick<HandlerDraft, 'name' | 'namespace' | 'origin' | 'timeoutMs'> => ({
  name: fullName(object.name, 'handler', object.namespace),
  namespace: object.namespace,
  ...(object.origin === undefined ? {} : { origin: object.origin }),
  ...(object.spec.connection?.timeoutMs === undefined ? {} : { timeoutMs: object.spec.connection.timeoutMs }),
});

function compileOutside(
  object: PolicyObjectOf<'handler'>,
  written: string,
  { scope, faults }: Context,
): HandlerDraft | undefined {
  const { namespace, spec } = object;
  const found = resolve({ text: written, kind: 'adapter', namespace }, scope.outside);
  if (found === undefined) {
    const message =
      written === ''
        ? 'names no adapter'
        : `there is no adapter resource ${quote(written)} that could be used`;
    const known = [...scope.outside.values()].map(({ object: { name } }) => name);
    const remedy = written === '' ? 'add compiledAdapter or adapter' : suggestion(written, known);
    faults.add(['spec', 'adapter'], { code: 'unknown-adapter', message, remedy });
    return undefined;
  }
  if (spec.connection === undefined) {
    const message = 'an adapter outside is reached at an address';
    faults.add(['spec'], { code: 'missing-field', message, remedy: 'add connection.address: "HOST:PORT"' });
    return undefined;
  }
  const name = fullName(found.object.name, 'adapter', found.object.namespace);
  const { isSessionBased, config } = found.object.spec;
  const { address, authentication } = spec.connection;
  const remote: RemotePlan = {
    name,
    address,
    ...(authentication === undefined ? {} : { authentication }),
    isSessionBased,
    config,
  };
  return { ...identity(object), adapter: formOf(found), config: spec.params, remote };
}

const formOf = ({ object, templates }: OutsideAdapter): AdapterForm => ({
  name: object.name,
  description: object.spec.description,
  templates: templates.map(({ name }) => name),
  parse: (params) => ({ ok: true, value: params, warnings: [] }),
});

/** Adapter resources, with the templates they name. */
export function compileAdapter(
  object: PolicyObjectOf<'adapter'>,
  known: ReadonlyMap<string, Template>,
): { readonly adapter?: OutsideAdapter; readonly faults: Faults } {
  const faults = collectFaults(object.origin);
  const templates = object.spec.templates.flatMap((written, index) => {
    const reference = { text: written, kind: 'template', namespace: object.namespace };
    const found = resolve(reference, known) ?? standardTemplates.get(written);
    if (found !== undefined) return [found];
    const remedy = suggestion(written, [...known.keys(), ...standardTemplates.keys()]);
    const message = `there is no template ${quote(written)}`;
    faults.add(['spec', 'templates', index], { code: 'unknown-template', message, remedy });
    return [];
  });
  return faults.hasErrors ? { faults } : { adapter: { object, templates }, faults };
}

/** The draft with the instances that rules send to it. */
export function finishHandler(draft: HandlerDraft, instances: HandlerPlan['instances']): HandlerPlan {
  const types = [...instances].map(([name, { template, types }]) => [name, template, { ...types }] as const);
  types.sort(([left], [right]) => (left < right ? -1 : 1));
  const { adapter, config, remote, timeoutMs } = draft;
  const takes = stableStringify(types);
  const signature = stableStringify([adapter.name, plain(config), remote, timeoutMs, takes]);
  return { ...draft, instances, takes, signature };
}

/** What JSON cannot say, as something it can. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Map) return [...value].map(plain);
  if (value instanceof Set) return [...value].map(plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
