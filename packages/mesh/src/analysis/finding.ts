// Findings as they are shown: the code and gravity of the registry, the object, the place where it was written.
import { type Diagnostic, formatOrigin, type Origin } from '@xebec/std';
import type { Conflict } from '../conflict.ts';
import { compareText } from '../host-names.ts';
import { type Gravity, gravityOf, type Reason, ruleOf } from './catalog.ts';

export interface Finding {
  /** `IST0101`, `XB0101`. */
  readonly code: string;
  readonly severity: Gravity;
  readonly kind: string;
  /** Empty for objects without one. */
  readonly namespace: string;
  readonly name: string;
  readonly message: string;
  /** `FILE:LINE`; empty where nobody wrote it to a file. */
  readonly origin: string;
  readonly field?: string;
  readonly remedy?: string;
  /** What exactly was found: stable, kebab-case. */
  readonly reason: string;
  /** Of the place, from 1. */
  readonly column?: number;
}

export type Locate = (object: Conflict['object'], field: string | undefined) => Origin | undefined;

export function findingOf({ code, object, field, message, remedy }: Conflict, locate: Locate): Finding {
  return {
    ...graded(code),
    ...partsOf(object),
    message,
    ...placeOf(locate(object, field)),
    ...(field === undefined ? {} : { field }),
    remedy,
    reason: code,
  };
}

/** A finding out of what is wrong with one object by itself, or with an accepted one later on. */
export function findingOfDiagnostic(diagnostic: Diagnostic, reason: Reason, object?: string): Finding {
  const { message, field, origin } = diagnostic;
  // A list of all kinds helps nobody whose object is for something else.
  const remedy = reason === 'kind-unknown' ? ruleOf(reason)?.remedy : diagnostic.remedy;
  return {
    ...graded(reason),
    ...partsOf(object ?? origin?.object ?? ''),
    message,
    ...placeOf(origin),
    ...(field === undefined ? {} : { field }),
    ...(remedy === undefined ? {} : { remedy }),
    reason: diagnostic.code,
  };
}

const graded = (reason: Reason): Pick<Finding, 'code' | 'severity'> => ({
  code: ruleOf(reason)?.code ?? '',
  severity: gravityOf(reason),
});

function partsOf(object: string): Pick<Finding, 'kind' | 'namespace' | 'name'> {
  const [kind = '', namespace = '', ...name] = object.split('/');
  return { kind, namespace, name: name.join('/') };
}

function placeOf(origin: Origin | undefined): Pick<Finding, 'origin' | 'column'> {
  if (origin?.file === undefined) return { origin: '' };
  const { file, line, column } = origin;
  const place = formatOrigin({ file, ...(line === undefined ? {} : { line }) });
  return { origin: place, ...(column === undefined ? {} : { column }) };
}

/** As other commands tell it: information is none of their business. */
export function warningOf({
  severity,
  reason,
  message,
  remedy,
  field,
  ...finding
}: Finding): Diagnostic | undefined {
  if (severity === 'info') return undefined;
  const [, file = '', line] = /^(.*?)(?::(\d+))?$/.exec(finding.origin) ?? [];
  const { kind, namespace, name, column } = finding;
  return {
    severity: 'warning',
    code: reason,
    message,
    ...(remedy === undefined ? {} : { remedy }),
    ...(field === undefined ? {} : { field }),
    origin: {
      object: `${kind}/${namespace}/${name}`,
      ...(file === '' ? {} : { file }),
      ...(line === undefined ? {} : { line: Number(line) }),
      ...(column === undefined ? {} : { column }),
    },
  };
}

const annotation = /annotations\["[^"]*istio\.io\//;

/** Which reason a diagnostic of one object by itself has. */
export function reasonOf({ code, severity, field = '', message, origin }: Diagnostic): Reason {
  const operation = origin?.object?.startsWith('EnvoyFilter/') === true && field.endsWith('.patch.operation');
  if (operation && message.startsWith('ADD ')) return 'patch-add';
  if (operation && message.startsWith('REMOVE ')) return 'patch-remove';
  if (operation && message.startsWith('REPLACE ')) return 'patch-replace';
  if (code === 'unreachable-rule') return 'rule-shadowed';
  if (code === 'insecure')
    return field.includes('portLevelSettings') ? 'server-unverified-at-port' : 'server-unverified';
  if (code === 'unknown-kind' || code === 'unknown-version') return 'kind-unknown';
  if (code === 'duplicate-object') return 'object-twice';
  if (severity === 'error' && annotation.test(field)) return 'annotation-refused';
  if (severity === 'error') return 'schema-error';
  if (code === 'deprecated') return 'deprecated';
  return code === 'unknown-field' ? 'field-unread' : 'schema-warning';
}

const gravities: readonly Gravity[] = ['error', 'warning', 'info'];

export const isAtLeast = (severity: Gravity, wanted: Gravity): boolean =>
  gravities.indexOf(severity) <= gravities.indexOf(wanted);

/** Gravest first within the order of files and lines; without a file by object. */
export function compareFindings(left: Finding, right: Finding): number {
  return (
    compareText(fileOf(left), fileOf(right)) ||
    lineOf(left) - lineOf(right) ||
    gravities.indexOf(left.severity) - gravities.indexOf(right.severity) ||
    compareText(left.code, right.code) ||
    compareText(
      `${left.kind}/${left.namespace}/${left.name}`,
      `${right.kind}/${right.namespace}/${right.name}`,
    ) ||
    compareText(left.message, right.message)
  );
}

const fileOf = ({ origin }: Finding): string => origin.replace(/:\d+$/, '');
const lineOf = ({ origin }: Finding): number => Number(/:(\d+)$/.exec(origin)?.[1] ?? 0);
