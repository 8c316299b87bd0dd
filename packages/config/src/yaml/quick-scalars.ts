// Scalars and one-line flow collections for the quick reader: the plainest forms only, undefined for the rest.
import { plainMap } from '../values/plain-map.ts';
import { isAmbiguous, number12 } from './scalars.ts';

export interface Scalar {
  readonly value: unknown;
}

const quoted = /^(?:"([^"\\]*)"|'([^']*)') *(?: #.*)?$/;
const simpleNumber = /^(?:0|-?[1-9][0-9]{0,14})$/;
/** First characters of plain text: no indicator of YAML among them. */
const plainStart = /^[A-Za-z0-9_/.$(+^~;=<\\-]/;

/** The rest of a line as a scalar. */
export function readScalar(content: string): Scalar | undefined {
  const first = content.charCodeAt(0);
  if (first === 34 || first === 39) {
    const found = quoted.exec(content);
    return found === null ? undefined : { value: found[1] ?? found[2] };
  }
  const comment = content.indexOf(' #');
  const plain = (comment < 0 ? content : content.slice(0, comment)).trimEnd();
  if (plain.includes(': ') || plain.endsWith(':')) return undefined;
  return plainStart.test(plain) ? resolve(plain) : undefined;
}

const words: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['~', null],
]);

function resolve(plain: string): Scalar | undefined {
  if (simpleNumber.test(plain)) return { value: Number(plain) };
  if (plain.length <= 5) {
    const word = words.get(plain);
    if (word !== undefined) return { value: word };
    if (/^(?:true|false|null)$/i.test(plain)) return undefined;
  }
  if (/^[-.]/.test(plain) && !/^(?:\.{1,2}\/|-{1,2}[A-Za-z])/.test(plain)) return undefined;
  if (/^[-+.0-9]/.test(plain) && (number12.test(plain) || plain.includes('_'))) return undefined;
  return isAmbiguous(plain) || plain === '<<' ? undefined : { value: plain };
}

interface Cursor {
  readonly text: string;
  at: number;
  depth: number;
}

/** `[a, "b"]` and `{app: reviews}` on one line, nested a little. */
export function readFlow(content: string): Scalar | undefined {
  const cursor: Cursor = { text: content, at: 0, depth: 0 };
  const found = readNode(cursor);
  if (found === undefined) return undefined;
  return /^ *(?: #.*)?$/.test(content.slice(cursor.at)) ? found : undefined;
}

function readNode(cursor: Cursor): Scalar | undefined {
  skipSpaces(cursor);
  const first = cursor.text.charAt(cursor.at);
  if (first !== '[' && first !== '{') return readFlowScalar(cursor);
  if (cursor.depth >= 8) return undefined;
  cursor.at++;
  cursor.depth++;
  const found = first === '[' ? readFlowList(cursor) : readFlowMap(cursor);
  cursor.depth--;
  return found;
}

function skipSpaces(cursor: Cursor): void {
  while (cursor.text.charCodeAt(cursor.at) === 32) cursor.at++;
}

function take(cursor: Cursor, character: string): boolean {
  skipSpaces(cursor);
  if (cursor.text.charAt(cursor.at) !== character) return false;
  cursor.at++;
  return true;
}

function readFlowList(cursor: Cursor): Scalar | undefined {
  const items: unknown[] = [];
  if (take(cursor, ']')) return { value: items };
  do {
    const item = readNode(cursor);
    if (item === undefined) return undefined;
    items.push(item.value);
  } while (take(cursor, ','));
  return take(cursor, ']') ? { value: items } : undefined;
}

const flowKey = /(?:([A-Za-z_][A-Za-z0-9_./-]*)|"([^"\\]*)"|'([^']*)'): /y;

function readFlowMap(cursor: Cursor): Scalar | undefined {
  const map = plainMap<unknown>();
  if (take(cursor, '}')) return { value: map };
  do {
    skipSpaces(cursor);
    flowKey.lastIndex = cursor.at;
    const found = flowKey.exec(cursor.text);
    if (found === null || (found[1] !== undefined && resolve(found[1])?.value !== found[1])) return undefined;
    const key = found[1] ?? found[2] ?? found[3] ?? '';
    cursor.at = flowKey.lastIndex;
    const item = readNode(cursor);
    if (item === undefined || Object.hasOwn(map, key)) return undefined;
    map[key] = item.value;
  } while (take(cursor, ','));
  return take(cursor, '}') ? { value: map } : undefined;
}

const flowScalar = /"([^"\\]*)"|'([^']*)'|([A-Za-z0-9_/.-][A-Za-z0-9_/.-]*)/y;

/** Behind the scalar must come a comma or the end of the collection; anything else is not that plain. */
function readFlowScalar(cursor: Cursor): Scalar | undefined {
  flowScalar.lastIndex = cursor.at;
  const found = flowScalar.exec(cursor.text);
  if (found === null) return undefined;
  cursor.at = flowScalar.lastIndex;
  skipSpaces(cursor);
  if (!/^[,\]}]$/.test(cursor.text.charAt(cursor.at))) return undefined;
  const plain = found[3];
  return plain === undefined ? { value: found[1] ?? found[2] } : resolve(plain);
}
