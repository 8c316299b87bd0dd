// Expressions on versions (`^1\.2.*`), matched without backtracking: the time is bounded whatever somebody writes.

type Test = (character: string) => boolean;

type Node =
  | { readonly kind: 'one'; readonly test: Test }
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly least: 0 | 1; readonly isMany: boolean };

interface Reader {
  readonly text: string;
  at: number;
}

const maxPattern = 200;
const maxText = 200;

/** A test whether an expression is found in a text; undefined when it is not of the simple sort that is understood here. */
export function compilePattern(pattern: string): ((text: string) => boolean) | undefined {
  if (pattern === '' || pattern.length > maxPattern) return undefined;
  const reader = { text: pattern, at: 0 };
  const node = readChoice(reader);
  if (node === undefined || reader.at < pattern.length) return undefined;
  return (text) => {
    const bounded = text.slice(0, maxText);
    const everywhere = new Set(Array.from({ length: bounded.length + 1 }, (_, at) => at));
    return reach(node, everywhere, bounded).size > 0;
  };
}

function readChoice(reader: Reader): Node | undefined {
  const parts: Node[] = [];
  do {
    const part = readSequence(reader);
    if (part === undefined) return undefined;
    parts.push(part);
  } while (take(reader, '|'));
  return { kind: 'choice', parts };
}

function readSequence(reader: Reader): Node | undefined {
  const parts: Node[] = [];
  while (reader.at < reader.text.length && !'|)'.includes(reader.text.charAt(reader.at))) {
    const part = readAtom(reader);
    if (part === undefined) return undefined;
    const repeated = readRepeat(reader, part);
    // A repetition of repetitions is the one thing that takes long.
    if (repeated !== part && hasRepeat(part)) return undefined;
    parts.push(repeated);
  }
  return { kind: 'sequence', parts };
}

function hasRepeat(node: Node): boolean {
  return node.kind === 'repeat' || ('parts' in node && node.parts.some(hasRepeat));
}

function readRepeat(reader: Reader, part: Node): Node {
  if (take(reader, '*')) return { kind: 'repeat', part, least: 0, isMany: true };
  if (take(reader, '+')) return { kind: 'repeat', part, least: 1, isMany: true };
  if (take(reader, '?')) return { kind: 'repeat', part, least: 0, isMany: false };
  return part;
}

function readAtom(reader: Reader): Node | undefined {
  const character = reader.text.charAt(reader.at++);
  switch (character) {
    case '(':
      return readGroup(reader);
    case '[':
      return readClass(reader);
    case '.':
      return { kind: 'one', test: () => true };
    case '^':
      return { kind: 'start' };
    case '$':
      return { kind: 'end' };
    case '\\':
      return readEscape(reader);
    default:
      return '*+?{}]'.includes(character) ? undefined : { kind: 'one', test: (other) => other === character };
  }
}

function readGroup(reader: Reader): Node | undefined {
  if (reader.text.startsWith('?:', reader.at)) reader.at += 2;
  const inner = readChoice(reader);
  return inner !== undefined && take(reader, ')') ? inner : undefined;
}

function readEscape(reader: Reader): Node | undefined {
  const character = reader.text.charAt(reader.at++);
  if (character === 'd') return { kind: 'one', test: (other) => other >= '0' && other <= '9' };
  if (character === '' || /\w/.test(character)) return undefined;
  return { kind: 'one', test: (other) => other === character };
}

function readClass(reader: Reader): Node | undefined {
  const isNegated = take(reader, '^');
  const tests: Test[] = [];
  for (let isFirst = true; isFirst || reader.text.charAt(reader.at) !== ']'; isFirst = false) {
    const low = reader.text.charAt(reader.at++);
    if (low === '' || low === '[' || low === '\\') return undefined;
    const isRange = reader.text.charAt(reader.at) === '-' && reader.text.charAt(reader.at + 1) !== ']';
    if (isRange) reader.at++;
    const high = isRange ? reader.text.charAt(reader.at++) : low;
    tests.push((other) => other >= low && other <= high);
  }
  reader.at++;
  return { kind: 'one', test: (other) => tests.some((test) => test(other)) !== isNegated };
}

function take(reader: Reader, character: string): boolean {
  if (reader.text.charAt(reader.at) !== character) return false;
  reader.at++;
  return true;
}

/** Positions that can be reached from any of `from` by what the node takes. */
function reach(node: Node, from: ReadonlySet<number>, text: string): ReadonlySet<number> {
  switch (node.kind) {
    case 'one':
      return new Set(
        [...from].filter((at) => at < text.length && node.test(text.charAt(at))).map((at) => at + 1),
      );
    case 'start':
      return new Set([...from].filter((at) => at === 0));
    case 'end':
      return new Set([...from].filter((at) => at === text.length));
    case 'sequence':
      return node.parts.reduce((positions, part) => reach(part, positions, text), from);
    case 'choice':
      return new Set(node.parts.flatMap((part) => [...reach(part, from, text)]));
    case 'repeat':
      return reachRepeated(node, from, text);
  }
}

function reachRepeated(
  { part, least, isMany }: Extract<Node, { kind: 'repeat' }>,
  from: ReadonlySet<number>,
  text: string,
): ReadonlySet<number> {
  const once = reach(part, from, text);
  const reached = new Set(least === 0 ? [...from, ...once] : once);
  for (let newest = once; isMany && newest.size > 0; ) {
    newest = new Set([...reach(part, newest, text)].filter((at) => !reached.has(at)));
    for (const at of newest) reached.add(at);
  }
  return reached;
}
