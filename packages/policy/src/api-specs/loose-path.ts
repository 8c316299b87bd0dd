// A path as the most generous server would understand it: what differs from that may be served as something else than it looks like.

/** Servers that decode twice are known. */
const rounds = 3;

/**
 * Decoded, with `\\` as a slash, without parameters of segments (`;v=1`), dot segments, empty segments, a slash at the
 * end, and in small letters. Begins with a slash.
 */
export function loosePath(path: string): string {
  const kept: string[] = [];
  for (const segment of decode(path).replaceAll('\\', '/').split('/')) {
    const [word = ''] = segment.split(';', 1);
    if (word === '..') kept.pop();
    else if (word !== '' && word !== '.') kept.push(word);
  }
  return `/${kept.join('/')}`.toLowerCase();
}

/** ASCII only: other letters are written in one way. */
function decode(path: string): string {
  let text = path;
  for (let round = 0; round < rounds && text.includes('%'); round++) {
    text = text.replace(/%([0-7][0-9a-f])/gi, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    );
  }
  return text;
}

/** A template of paths in the same way; its variables stay what they are. */
export const looseTemplate = (template: string): string =>
  template
    .split(/(\{\w*\})/)
    .map((piece, index) => (index % 2 === 1 ? piece : loosePiece(piece)))
    .join('')
    .replace(/(?<=.)\/$/, '');

const loosePiece = (piece: string): string =>
  decode(piece)
    .replace(/;[^/]*/g, '')
    .replace(/\/{2,}/g, '/')
    .toLowerCase();
