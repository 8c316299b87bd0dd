// From the YAML library's nodes to plain data: safe keys, exact numbers, bounded aliases, no duplicate keys.

import { type Document, isAlias, isMap, isScalar, isSeq, type Scalar, type YAMLMap } from 'yaml';
import { quote } from '../decode/decoder.ts';
import type { DocumentProblem } from '../types.ts';
import { plainMap } from '../values/plain-map.ts';
import { problem } from './limits.ts';
import { isAmbiguous } from './scalars.ts';

export interface Converted {
  readonly value: unknown;
  readonly problems: readonly DocumentProblem[];
}

interface Conversion {
  readonly text: string;
  readonly problems: DocumentProblem[];
  readonly anchors: Map<string, unknown>;
  /** Nodes that aliases may still make. */
  budget: number;
  aliasDepth: number;
}

const aliasBudget = 10_000;
const maxProblems = 20;

/** Plain data of a document that has no syntax errors. */
export function convertDocument(document: Document.Parsed, text: string): Converted {
  const conversion: Conversion = {
    text,
    problems: [],
    anchors: new Map(),
    budget: aliasBudget,
    aliasDepth: 0,
  };
  const value = convert(document.contents, conversion);
  return { value, problems: conversion.problems };
}

function convert(node: unknown, conversion: Conversion): unknown {
  if (conversion.aliasDepth > 0 && --conversion.budget < 0) return undefined;
  const value = convertNode(node, conversion);
  if (typeof node === 'object' && node !== null && conversion.aliasDepth === 0) {
    const anchor: unknown = Reflect.get(node, 'anchor');
    if (typeof anchor === 'string') conversion.anchors.set(anchor, node);
  }
  return value;
}

function convertNode(node: unknown, conversion: Conversion): unknown {
  if (isMap(node)) return convertMap(node, conversion);
  if (isSeq(node)) return node.items.map((item) => convert(item, conversion));
  if (isScalar(node)) return convertScalar(node, conversion);
  if (isAlias(node)) return convertAlias(node.source, offsetOf(node), conversion);
  return null;
}

function offsetOf(node: unknown): number {
  const range: unknown = typeof node === 'object' && node !== null ? Reflect.get(node, 'range') : undefined;
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : 0;
}

type What = Pick<DocumentProblem, 'code' | 'message' | 'remedy'> & {
  readonly severity?: 'error' | 'warning';
};

function report(conversion: Conversion, offset: number, what: What): undefined {
  if (conversion.problems.length >= maxProblems) return;
  conversion.problems.push({ ...problem(conversion.text, offset, what), severity: what.severity ?? 'error' });
}

function convertAlias(name: string, offset: number, conversion: Conversion): unknown {
  const target = conversion.anchors.get(name);
  if (target === undefined) {
    const message = `the alias *${name.slice(0, 40)} refers to nothing before it`;
    return report(conversion, offset, { code: 'unknown-alias', message, remedy: 'write the value here' });
  }
  conversion.aliasDepth++;
  const value = convert(target, conversion);
  conversion.aliasDepth--;
  if (conversion.budget >= 0) return value;
  if (conversion.aliasDepth > 0) return undefined;
  const message = `the aliases of this document expand to more than ${aliasBudget} values`;
  return report(conversion, offset, { code: 'too-many-aliases', message, remedy: 'write the values out' });
}

function convertScalar(node: Scalar, conversion: Conversion): unknown {
  const { value, source = '' } = node;
  if (typeof value === 'number') return checkNumber(node, value, conversion);
  const isPlain = node.type === 'PLAIN' && node.tag === undefined;
  if (isPlain && isAmbiguous(source)) warnAmbiguous(node, source, conversion);
  return value;
}

function checkNumber(node: Scalar, value: number, conversion: Conversion): unknown {
  const { source = '' } = node;
  if (node.type === 'PLAIN' && isAmbiguous(source)) warnAmbiguous(node, source, conversion);
  if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))) return value;
  const message = Number.isFinite(value)
    ? `the number ${source.slice(0, 40)} is too large to be kept exactly`
    : `${source.slice(0, 40)} is not a number that JSON has`;
  return report(conversion, offsetOf(node), {
    code: 'invalid-number',
    message,
    remedy: 'write it in quotes',
  });
}

function warnAmbiguous(node: Scalar, source: string, conversion: Conversion): void {
  const read = typeof node.value === 'string' ? 'the text' : 'the number';
  report(conversion, offsetOf(node), {
    severity: 'warning',
    code: 'ambiguous-scalar',
    message: `"${source}" is read as ${read} ${String(node.value)}; tools of YAML 1.1 read it differently`,
    remedy: 'write it in quotes, or as true, false or a decimal number',
  });
}

function convertMap(node: YAMLMap, conversion: Conversion): Record<string, unknown> {
  const map = plainMap<unknown>();
  const merged: Record<string, unknown>[] = [];
  for (const pair of node.items) {
    if (isMergeKey(pair.key)) {
      merged.push(...mergeSources(pair.value, conversion));
      continue;
    }
    const key = convertKey(pair.key, conversion);
    if (key === undefined) continue;
    if (Object.hasOwn(map, key)) {
      const message = `the key ${quote(key)} is written twice`;
      report(conversion, offsetOf(pair.key), { code: 'duplicate-key', message, remedy: 'remove one' });
    }
    map[key] = convert(pair.value, conversion);
  }
  for (const source of merged) addMissing(map, source);
  return map;
}

const isMergeKey = (key: unknown): boolean => isScalar(key) && key.value === '<<' && key.type === 'PLAIN';

/** Earlier sources win over later ones, own keys over all. */
function addMissing(map: Record<string, unknown>, source: Record<string, unknown>): void {
  for (const key of Object.keys(source)) if (!Object.hasOwn(map, key)) map[key] = source[key];
}

function mergeSources(node: unknown, conversion: Conversion): Record<string, unknown>[] {
  const value = convert(node, conversion);
  const sources = Array.isArray(value) ? value : [value];
  const maps = sources.filter((source): source is Record<string, unknown> => isPlainMap(source));
  if (maps.length === sources.length) return maps;
  const message = '"<<" takes a map or a list of maps';
  report(conversion, offsetOf(node), { code: 'wrong-type', message, remedy: 'write an alias of a map' });
  return [];
}

const isPlainMap = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function convertKey(key: unknown, conversion: Conversion): string | undefined {
  const value = isScalar(key) || isAlias(key) ? convert(key, conversion) : undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const message = 'a key must be text';
  return report(conversion, offsetOf(key), { code: 'wrong-type', message, remedy: 'write it in quotes' });
}
