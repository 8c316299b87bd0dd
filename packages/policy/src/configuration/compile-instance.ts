// Compiles instances: fields after the template, and for attribute-producing adapters the attributes that they set.
import { quote, suggestion } from '@xebec/config/decode';
import type { ValueType } from '../attributes/value.ts';
import type { AttributeDeclaration, Vocabulary } from '../attributes/vocabulary.ts';
import type { Expression } from '../expressions/expression.ts';
import { standardTemplates } from '../templates/catalog.ts';
import type { Template } from '../templates/template.ts';
import { compileFields, type FieldScope } from './compile-fields.ts';
import type { AttributeBinding, CompiledInstance, CompileText } from './compiled.ts';
import { collectFaults, type Faults } from './faults.ts';
import { fillFields } from './field-plan.ts';
import { fullName, resolve } from './names.ts';
import type { PolicyObjectOf } from './policy-object.ts';

export interface InstanceScope {
  readonly compile: CompileText;
  readonly vocabulary: Vocabulary;
  /** The user's own, by full name. */
  readonly templates: ReadonlyMap<string, Template>;
}

export interface InstanceOutcome {
  readonly template?: Template;
  /** Absent when something is wrong with it. */
  readonly instance?: CompiledInstance;
  readonly faults: Faults;
}

export function compileInstance(object: PolicyObjectOf<'instance'>, scope: InstanceScope): InstanceOutcome {
  const faults = collectFaults(object.origin);
  const template = templateOf(object, scope, faults);
  if (template === undefined) return { faults };
  const types: Record<string, ValueType> = Object.create(null);
  const expressions = new Map<string, Expression>();
  const { compile, vocabulary } = scope;
  const language = object.language ?? object.spec.language ?? 'istio';
  const inner: FieldScope = { compile, vocabulary, language, faults, types, expressions };
  const entries = compileFields(
    template.fields,
    { value: object.spec.params, path: ['spec', 'params'] },
    inner,
  );
  requireValue(template, entries, faults);
  const bindings = compileBindings(object, template, inner);
  if (faults.hasErrors) return { template, faults };
  const name = fullName(object.name, 'instance', object.namespace);
  const build: CompiledInstance['build'] = (source) => {
    const missing: string[] = [];
    const fields = fillFields(entries, source, missing);
    return { instance: { template: template.name, name, fields }, faults: missing };
  };
  const shortName = object.name;
  return { template, faults, instance: { name, shortName, template, types, expressions, bindings, build } };
}

function templateOf(
  { spec, namespace }: PolicyObjectOf<'instance'>,
  { templates }: InstanceScope,
  faults: Faults,
): Template | undefined {
  const isCompiled = spec.compiledTemplate !== undefined && spec.compiledTemplate !== '';
  const written = isCompiled ? spec.compiledTemplate : spec.template;
  const field = isCompiled ? 'compiledTemplate' : 'template';
  if (written === undefined || written === '') {
    const message = 'names no template';
    faults.add(['spec'], { code: 'missing-field', message, remedy: 'add compiledTemplate or template' });
    return undefined;
  }
  const own = isCompiled ? undefined : resolve({ text: written, kind: 'template', namespace }, templates);
  const found = own ?? standardTemplates.get(written);
  if (found !== undefined) return found;
  const known = isCompiled
    ? [...standardTemplates.keys()]
    : [...templates.keys(), ...standardTemplates.keys()];
  faults.add(['spec', field], {
    code: 'unknown-template',
    message: `there is no template ${quote(written)}`,
    remedy: suggestion(written, known),
  });
  return undefined;
}

/** A list entry or a metric without a value means nothing. */
function requireValue(
  template: Template,
  entries: readonly (readonly [string, unknown])[],
  faults: Faults,
): void {
  if (template.fields['value']?.kind !== 'dynamic' || faults.hasErrors) return;
  if (entries.some(([name]) => name === 'value')) return;
  const message = 'the field "value" is missing';
  faults.add(['spec', 'params'], { code: 'missing-field', message, remedy: 'add "value"' });
}

/** Of the same length as `$out`, so that positions in the text stay what they are. */
const outputPrefix = '_out';

function compileBindings(
  { spec }: PolicyObjectOf<'instance'>,
  template: Template,
  scope: FieldScope,
): readonly AttributeBinding[] {
  const written = Object.entries(spec.attributeBindings ?? {});
  if (written.length === 0) return [];
  if (template.output === undefined) {
    const message = `the template ${quote(template.name)} gives nothing that could be bound`;
    scope.faults.add(['spec', 'attributeBindings'], {
      code: 'conflicting-fields',
      message,
      remedy: 'remove it',
    });
    return [];
  }
  const vocabulary = withOutput(scope.vocabulary, template.output);
  return written.flatMap(([attribute, text]) => {
    const path = ['spec', 'attributeBindings', attribute];
    const declared = scope.vocabulary.get(attribute);
    if (declared === undefined) return refuseAttribute(attribute, path, scope);
    const result = scope.compile(renameOutput(text), vocabulary, scope.language);
    if (!result.ok) {
      scope.faults.adopt(path, result.diagnostics.map(restoreOutput));
      return [];
    }
    if (result.value.type === declared.type) return [{ attribute, expression: result.value }];
    const message = `${quote(attribute)} is ${declared.type}, ${quote(text)} is ${result.value.type}`;
    scope.faults.add(path, {
      code: 'wrong-type',
      message,
      remedy: `write an expression that gives ${declared.type}`,
    });
    return [];
  });
}

function refuseAttribute(attribute: string, path: readonly string[], scope: FieldScope): [] {
  scope.faults.add(path, {
    code: 'unknown-attribute',
    message: `there is no attribute ${quote(attribute)}`,
    remedy: 'declare it in an attributemanifest, or bind another',
  });
  return [];
}

const renameOutput = (text: string): string => text.replaceAll('$out.', `${outputPrefix}.`);
const restoreOutput = <T extends { message: string }>(diagnostic: T): T => ({
  ...diagnostic,
  message: diagnostic.message.replaceAll(`${outputPrefix}.`, '$out.'),
});

/** Adds what an adapter gives back: `_out.NAME`, or under a prefix of its own. */
export function withOutput(
  vocabulary: Vocabulary,
  output: Readonly<Record<string, ValueType>>,
  prefix: string = outputPrefix,
): Vocabulary {
  const own = new Map<string, AttributeDeclaration>();
  for (const [field, type] of Object.entries(output)) {
    const name = `${prefix}.${field}`;
    own.set(name, { name, type });
  }
  return {
    get: (name) => own.get(name) ?? vocabulary.get(name),
    *names() {
      yield* vocabulary.names();
      yield* own.keys();
    },
  };
}

/** The attribute under which a binding reads a field of the output. */
export const outputAttribute = (field: string, prefix: string = outputPrefix): string => `${prefix}.${field}`;
