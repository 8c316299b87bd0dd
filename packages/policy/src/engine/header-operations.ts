// The header operations of rules whose match holds, for calls that are allowed. Rule: a value that is empty, fails or would break the message is left out.
import type { AttributeSource, AttributeValue } from '../attributes/value.ts';
import { Duration, Timestamp } from '../attributes/value.ts';
import type { CompiledHeaderOperation } from '../configuration/compiled.ts';
import { formatIpAddress } from '../expressions/values/ip-address.ts';
import type { HeaderOperation } from './engine.ts';
import type { CheckAnswer } from './run-check.ts';

export interface HeaderOperations {
  readonly requestHeaders: readonly HeaderOperation[];
  readonly responseHeaders: readonly HeaderOperation[];
}

export const noHeaders: HeaderOperations = { requestHeaders: [], responseHeaders: [] };

export function headersOf({ matched, outputs }: CheckAnswer, source: AttributeSource): HeaderOperations {
  const changing = matched.filter(
    ({ requestHeaders, responseHeaders }) => requestHeaders.length + responseHeaders.length > 0,
  );
  if (changing.length === 0) return noHeaders;
  const requestHeaders: HeaderOperation[] = [];
  const responseHeaders: HeaderOperation[] = [];
  for (const rule of changing) {
    const output = outputs.get(rule);
    const extended = output === undefined ? source : withOutput(source, output);
    requestHeaders.push(...rule.requestHeaders.flatMap((operation) => fill(operation, extended)));
    responseHeaders.push(...rule.responseHeaders.flatMap((operation) => fill(operation, extended)));
  }
  return { requestHeaders, responseHeaders };
}

const withOutput = (
  source: AttributeSource,
  output: ReadonlyMap<string, AttributeValue>,
): AttributeSource => ({
  get: (name) => output.get(name) ?? source.get(name),
  hasMap: (name) => output.get(name) instanceof Map || source.hasMap(name),
  getKey: (name, key) => {
    const map = output.get(name);
    return map instanceof Map ? map.get(key) : source.getKey(name, key);
  },
});

function fill(
  { name, operation, values }: CompiledHeaderOperation,
  source: AttributeSource,
): readonly HeaderOperation[] {
  if (operation === 'REMOVE') return [{ name, operation, values: [] }];
  const filled = values.flatMap((expression) => {
    const result = expression.evaluate(source);
    const text = result.ok ? headerText(result.value) : undefined;
    return text === undefined || text === '' ? [] : [text];
  });
  return filled.length === 0 ? [] : [{ name, operation, values: filled }];
}

const longest = 8_192;
const firstPrintable = 0x20;
const tab = 0x09;
const deleteCharacter = 0x7f;

/** Undefined for what no header can hold: line breaks would make headers of their own. */
function headerText(value: AttributeValue): string | undefined {
  const text = plainText(value);
  if (text === undefined || text.length > longest) return undefined;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if ((code < firstPrintable && code !== tab) || code === deleteCharacter) return undefined;
  }
  return text;
}

function plainText(value: AttributeValue): string | undefined {
  if (value instanceof Timestamp || value instanceof Duration) return String(value.nanoseconds);
  if (value instanceof Uint8Array) return formatIpAddress(value);
  return typeof value === 'object' ? undefined : String(value);
}
