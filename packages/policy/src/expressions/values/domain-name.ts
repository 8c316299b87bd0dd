// Domain names: what `dnsName()` accepts, and when two are one. Rule: checked as they are written (labels, hyphens, punycode), compared as they would be looked up.
import { decodePunycode } from './punycode.ts';

export type NameRead =
  | { readonly ok: true; readonly name: string }
  | { readonly ok: false; readonly problem: string };

/** The name, punycode decoded; letters keep their case. */
export function readDomainName(text: string): NameRead {
  return readLabels(text.normalize('NFC'), text);
}

/** The name in the form in which it is looked up: lower case, decoded. */
function lookUpForm(text: string): NameRead {
  const mapped = [...text].map((one) => one.toLowerCase().normalize('NFKC').toLowerCase()).join('');
  const folded = mapped
    .replace(/[\u3002\uff0e\uff61]/g, '.')
    .replaceAll('\u00ad', '')
    .normalize('NFC');
  const wrong = /[^a-zA-Z0-9.\-\u0080-\u{10ffff}]|\p{Cc}|\p{Zs}/u.exec(folded)?.[0];
  if (wrong !== undefined) return { ok: false, problem: `idna: disallowed rune ${codeName(wrong)}` };
  return folded === '' ? { ok: true, name: '' } : readLabels(folded, undefined);
}

const codeName = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

/** `whole`: empty labels are wrong, and are shown with the whole name. */
function readLabels(name: string, whole: string | undefined): NameRead {
  if (whole !== undefined && name === '') return invalidLabel('');
  const labels = name.split('.');
  const isRooted = labels.length > 1 && labels.at(-1) === '';
  if (isRooted) labels.pop();
  const decoded: string[] = [];
  for (const label of labels) {
    if (label === '') {
      if (whole !== undefined) return invalidLabel(name);
      decoded.push('');
      continue;
    }
    const plain = label.startsWith('xn--') ? decodePunycode(label.slice(4)) : label;
    if (plain === undefined) return invalidLabel(label.slice(4));
    if (!isLabel(plain) || (plain !== label && !isDecoded(plain))) return invalidLabel(plain);
    decoded.push(plain);
  }
  return { ok: true, name: decoded.join('.') + (isRooted ? '.' : '') };
}

/** What punycode may stand for: letters that have no capitals, marks and numbers, normalized. */
const isDecoded = (label: string): boolean =>
  label.normalize('NFC') === label &&
  /^[-\p{Ll}\p{Lo}\p{Lm}\p{M}\p{N}\u00b7\u0375\u05f3\u05f4\u30fb\u200c\u200d]+$/u.test(label);

const isLabel = (label: string): boolean => {
  const isHyphened = label.length > 4 && label.slice(2, 4) === '--';
  return !isHyphened && !label.startsWith('-') && !label.endsWith('-') && !/^\p{M}/u.test(label);
};

const invalidLabel = (label: string): NameRead => ({
  ok: false,
  problem: `idna: invalid label ${quoteAll(label)}`,
});

/** In quotes, with control characters as escapes. */
const quoteAll = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

export type Comparison =
  | { readonly ok: true; readonly isEqual: boolean }
  | { readonly ok: false; readonly problem: string };

const plainName = /^[a-zA-Z0-9]+(?:\.[a-zA-Z0-9]+)*\.?$/;

/** Equal without regard to case, to punycode, and to a last dot that only one of them has. */
export function compareDomainNames(a: string, b: string): Comparison {
  const [left, right] = [a, b].map((name) =>
    plainName.test(name) ? ({ ok: true, name: name.toLowerCase() } as const) : lookUpForm(name),
  );
  if (left?.ok === false) return left;
  if (right?.ok === false) return right;
  const bare = (name: string): string => (name.endsWith('.') ? name.slice(0, -1) : name);
  return { ok: true, isEqual: bare(left?.name ?? '') === bare(right?.name ?? '') };
}
