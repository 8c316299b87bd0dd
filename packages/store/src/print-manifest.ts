// Manifests as YAML lines, for people and diffs: valid YAML, keys in a fixed order, one line per scalar.

const plainText = /^[A-Za-z_/][\w./-]*$/;
const reserved = /^(?:true|false|null|yes|no|on|off|y|n)$/i;
const firstKeys = ['apiVersion', 'kind', 'metadata', 'name', 'namespace'];

/** The lines of a manifest. */
export const printManifest = (manifest: Readonly<Record<string, unknown>>): readonly string[] =>
  printMap(Object.entries(manifest), '');

function printMap(entries: readonly (readonly [string, unknown])[], indent: string): readonly string[] {
  return [...entries]
    .sort(([left], [right]) => compareKeys(left, right))
    .flatMap(([key, value]) => {
      if (isEmpty(value)) return [`${indent}${scalar(key)}: ${JSON.stringify(value)}`];
      if (typeof value !== 'object') return [`${indent}${scalar(key)}: ${scalar(value)}`];
      return [
        `${indent}${scalar(key)}:`,
        ...printBlock(value, Array.isArray(value) ? indent : `${indent}  `),
      ];
    });
}

function printBlock(value: object, indent: string): readonly string[] {
  return Array.isArray(value)
    ? value.flatMap((item: unknown) => printItem(item, indent))
    : printMap(Object.entries(value), indent);
}

function printItem(item: unknown, indent: string): readonly string[] {
  if (isEmpty(item)) return [`${indent}- ${JSON.stringify(item)}`];
  if (typeof item !== 'object') return [`${indent}- ${scalar(item)}`];
  const [first = '', ...others] = printBlock(item, `${indent}  `);
  return [`${indent}- ${first.slice(indent.length + 2)}`, ...others];
}

function isEmpty(value: unknown): value is null | object {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

/** JSON strings and numbers are YAML. */
function scalar(value: unknown): string {
  if (typeof value === 'string' && plainText.test(value) && !reserved.test(value)) return value;
  return JSON.stringify(value) ?? 'null';
}

function compareKeys(left: string, right: string): number {
  const [a, b] = [firstKeys.indexOf(left), firstKeys.indexOf(right)];
  if (a !== b) return a === -1 ? 1 : b === -1 ? -1 : a - b;
  return left < right ? -1 : 1;
}
