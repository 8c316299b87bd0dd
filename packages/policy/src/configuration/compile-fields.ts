// Compiles the params of an instance after its template. Rule: a field that the template does not have, or of another type, is refused by name.
import { isMap, quote, suggestion } from '@xebec/config/decode';
import type { AttributeValue, ValueType } from '../attributes/value.ts';
import type { Vocabulary } from '../attributes/vocabulary.ts';
import type { Expression, ExpressionLanguage } from '../expressions/expression.ts';
import type { FieldType } from '../templates/template.ts';
import type { CompileText } from './compiled.ts';
import type { Faults } from './faults.ts';
import type { FieldPlan } from './field-plan.ts';

export interface FieldScope {
  readonly compile: CompileText;
  readonly vocabulary: Vocabulary;
  readonly language: ExpressionLanguage;
  readonly faults: Faults;
  /** Filled with what was found, by the field's place in the instance: `dimensions.path`. */
  readonly types: Record<string, ValueType>;
  readonly expressions: Map<string, Expression>;
}

type Path = readonly (string | number)[];

const texts: ReadonlySet<ValueType> = new Set(['STRING', 'EMAIL_ADDRESS', 'URI', 'DNS_NAME']);

/** Addresses of mail and hosts are text too. */
const isAssignable = (from: ValueType, to: ValueType): boolean =>
  from === to || (to === 'STRING' && texts.has(from));

/** `spanTags` and `span_tags` are the same field, as in protobuf's JSON. */
const spelling = (name: string): string => name.replaceAll('_', '').toLowerCase();

const deepest = 16;

export function compileFields(
  fields: Readonly<Record<string, FieldType>>,
  at: { value: unknown; path: Path },
  scope: FieldScope,
): (readonly [string, FieldPlan])[] {
  if (at.value === undefined || at.value === null) return [];
  if (!isMap(at.value)) {
    refuseType(at, 'a map of fields', scope);
    return [];
  }
  const known = new Map(Object.keys(fields).map((name) => [spelling(name), name]));
  const seen = new Set<string>();
  return Object.entries(at.value).flatMap(([written, value]) => {
    const path = [...at.path, written];
    const name = known.get(spelling(written));
    const type = name === undefined ? undefined : fields[name];
    if (name === undefined || type === undefined || seen.has(name)) {
      refuseField(written, { path, names: [...known.values()], isTwice: name !== undefined }, scope);
      return [];
    }
    seen.add(name);
    const plan = compileField(type, { value, path, place: placeOf(at.path, name) }, scope);
    return plan === undefined ? [] : [[name, plan] as const];
  });
}

const paramsDepth = 2;
/** `dimensions.path`: the place without `spec.params`. */
const placeOf = (path: Path, name: string): string => [...path.slice(paramsDepth), name].join('.');

interface FieldPlace {
  readonly value: unknown;
  readonly path: Path;
  readonly place: string;
}

function compileField(type: FieldType, at: FieldPlace, scope: FieldScope): FieldPlan | undefined {
  if (at.value === null || at.value === undefined) return undefined;
  if (at.path.length > deepest) return refuseType(at, 'less deep', scope);
  switch (type.kind) {
    case 'value':
    case 'dynamic':
      return compileValue(type.kind === 'value' ? type.type : undefined, at, scope);
    case 'map':
      return compileMap(type.of, at, scope);
    case 'list':
      return compileList(type.of, at, scope);
    case 'message':
      return { kind: 'fields', entries: compileFields(type.fields, at, scope) };
  }
}

function compileMap(of: FieldType, at: FieldPlace, scope: FieldScope): FieldPlan | undefined {
  if (!isMap(at.value)) return refuseType(at, 'a map of names to expressions', scope);
  const entries = Object.entries(at.value).flatMap(([name, value]) => {
    const plan = compileField(of, { value, path: [...at.path, name], place: `${at.place}.${name}` }, scope);
    return plan === undefined ? [] : [[name, plan] as const];
  });
  return { kind: 'fields', entries };
}

function compileList(of: FieldType, at: FieldPlace, scope: FieldScope): FieldPlan | undefined {
  if (!Array.isArray(at.value)) return refuseType(at, 'a list', scope);
  const items = at.value.flatMap(
    (value: unknown, index) =>
      compileField(of, { value, path: [...at.path, index], place: `${at.place}[${index}]` }, scope) ?? [],
  );
  return { kind: 'list', items };
}

function compileValue(
  wanted: ValueType | undefined,
  at: FieldPlace,
  scope: FieldScope,
): FieldPlan | undefined {
  const plan =
    typeof at.value === 'string' ? compileExpression(at.value, at, scope) : constantOf(at.value, wanted);
  if (plan === undefined) {
    return typeof at.value === 'string' ? undefined : refuseType(at, 'an expression', scope);
  }
  const type = plan.kind === 'constant' ? plan.type : plan.expression.type;
  if (wanted !== undefined && !isAssignable(type, wanted)) {
    const message = `must be ${wanted}, ${quote(String(at.value))} is ${type}`;
    scope.faults.add(at.path, {
      code: 'wrong-type',
      message,
      remedy: `write an expression that gives ${wanted}`,
    });
    return undefined;
  }
  scope.types[at.place] = type;
  if (plan.kind === 'expression') scope.expressions.set(at.place, plan.expression);
  return plan;
}

function compileExpression(
  text: string,
  at: FieldPlace,
  scope: FieldScope,
): Extract<FieldPlan, { kind: 'expression' }> | undefined {
  const compiled = scope.compile(text, scope.vocabulary, scope.language);
  if (compiled.ok) return { kind: 'expression', place: at.place, expression: compiled.value };
  scope.faults.adopt(at.path, compiled.diagnostics);
  return undefined;
}

/** A number or a boolean written without quotes is itself. */
function constantOf(
  value: unknown,
  wanted: ValueType | undefined,
): Extract<FieldPlan, { kind: 'constant' }> | undefined {
  if (typeof value === 'boolean') return { kind: 'constant', value, type: 'BOOL' };
  const whole = wholeOf(value);
  if (whole !== undefined && wanted !== 'DOUBLE') return { kind: 'constant', value: whole, type: 'INT64' };
  if (typeof value === 'number' && Number.isFinite(value)) return constant(value, 'DOUBLE');
  return undefined;
}

const constant = (value: AttributeValue, type: ValueType): Extract<FieldPlan, { kind: 'constant' }> => ({
  kind: 'constant',
  value,
  type,
});

function wholeOf(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? value : undefined;
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

function refuseType(at: { path: Path }, wanted: string, scope: FieldScope): undefined {
  const message = `must be ${wanted}`;
  scope.faults.add(at.path, { code: 'wrong-type', message, remedy: `write ${wanted}` });
}

function refuseField(
  written: string,
  at: { path: Path; names: readonly string[]; isTwice: boolean },
  { faults }: FieldScope,
): void {
  if (at.isTwice) {
    const message = `${quote(written)} is written twice, in both spellings`;
    faults.add(at.path, { code: 'conflicting-fields', message, remedy: 'keep one' });
    return;
  }
  const remedy =
    at.names.length === 0 ? 'remove it: this template has no fields' : suggestion(written, at.names);
  faults.add(at.path, {
    code: 'unknown-field',
    message: `the template has no field ${quote(written)}`,
    remedy,
  });
}
