// Addresses of mail: RFC 5322's addr-spec, alone or in angle brackets, as Go's net/mail reads them. Rule: one address or a sentence about why not.

export interface MailAddress {
  /** A name shown beside the address; empty without. */
  readonly displayName: string;
  /** Without quotes. */
  readonly local: string;
  readonly domain: string;
}

export type MailRead =
  | { readonly ok: true; readonly address: MailAddress; readonly rest: string }
  | { readonly ok: false; readonly problem: string };

const fail = (problem: string): MailRead => ({ ok: false, problem: `mail: ${problem}` });

const atom = /^[\p{L}\p{N}!#$%&'*+\-/=?^_`{|}~.\u{80}-\u{10ffff}]+/u;
const quoted = /^"((?:[^"\\\p{Cc}]|\t|\\[\t\P{Cc}])*)"/u;

export function readMailAddress(text: string): MailRead {
  const trimmed = text.replace(/^[ \t]+/, '');
  if (trimmed === '') return fail('no address');
  if (trimmed.length > 4096) return fail('address too long');
  const plain = readSpec(trimmed);
  if (plain.ok) return plainEnd(plain);
  const { phrase, rest } = readPhrase(trimmed);
  if (!rest.startsWith('<')) {
    return fail(/^[^\s"]*$/.test(phrase) ? "missing '@' or angle-addr" : 'no angle-addr');
  }
  const inner = readSpec(rest.slice(1));
  if (!inner.ok) return inner;
  if (!inner.rest.startsWith('>')) return fail('unclosed angle-addr');
  return nothingBehind(inner.rest.slice(1), { ...inner.address, displayName: phrase });
}

/** A comment behind a bare address is the name of who has it. */
function plainEnd({ address, rest }: MailRead & { readonly ok: true }): MailRead {
  const [whole = '', comment = ''] = /^[ \t]*\(([^()\\]*)\)/.exec(rest) ?? [];
  return nothingBehind(rest.slice(whole.length), { ...address, displayName: comment });
}

function nothingBehind(rest: string, address: MailAddress): MailRead {
  const left = rest.replace(/^[ \t]+/, '');
  if (left !== '') return fail(`expected single address, got ${JSON.stringify(left)}`);
  return { ok: true, address, rest: '' };
}

function readSpec(text: string): MailRead {
  const start = text.replace(/^[ \t]+/, '');
  if (start === '') return fail('no addr-spec');
  const [whole, content] = quoted.exec(start) ?? [];
  const local = whole === undefined ? atom.exec(start)?.[0] : content?.replace(/\\(.)/gsu, '$1');
  if (local === undefined) return fail(start.startsWith('"') ? 'unclosed quoted-string' : 'invalid string');
  if (local === '') return fail('empty quoted string in addr-spec');
  const problem = whole === undefined ? dotProblem(local) : undefined;
  if (problem !== undefined) return fail(problem);
  const behind = start.slice((whole ?? local).length);
  if (!behind.startsWith('@')) return fail('missing @ in addr-spec');
  const domainText = behind.slice(1).replace(/^[ \t]+/, '');
  if (domainText === '') return fail('no domain in addr-spec');
  const domain = atom.exec(domainText)?.[0];
  if (domain === undefined) return fail('invalid string');
  const domainProblem = dotProblem(domain);
  if (domainProblem !== undefined) return fail(domainProblem);
  return {
    ok: true,
    address: { displayName: '', local, domain },
    rest: domainText.slice(domain.length).replace(/^[ \t]+/, ''),
  };
}

function dotProblem(text: string): string | undefined {
  if (text.startsWith('.')) return 'leading dot in atom';
  if (text.includes('..')) return 'double dot in atom';
  return text.endsWith('.') ? 'trailing dot in atom' : undefined;
}

/** Words before an angle bracket. */
function readPhrase(text: string): { readonly phrase: string; readonly rest: string } {
  const words: string[] = [];
  let rest = text;
  for (;;) {
    rest = rest.replace(/^[ \t]+/, '');
    const [whole, content] = quoted.exec(rest) ?? [];
    const word = whole ?? atom.exec(rest)?.[0];
    if (word === undefined) return { phrase: words.join(' '), rest };
    words.push(content ?? word);
    rest = rest.slice(word.length);
  }
}
