// Texts against the patterns of policies, as proxies compare them. Nothing that somebody wrote is a regular expression.
import type { TextPattern } from '@xebec/model';

/** The whole text. */
export function matchesText(text: string, pattern: TextPattern): boolean {
  switch (pattern.kind) {
    case 'exact':
    case 'template':
      return text === pattern.value;
    case 'prefix':
      return text.startsWith(pattern.value);
    case 'suffix':
      return text.endsWith(pattern.value);
    case 'present':
      return text !== '';
  }
}

/** Some value of a list with commas. What a pattern leaves open may hold commas, too. */
export function listsText(text: string, pattern: TextPattern): boolean {
  if (pattern.kind === 'present') return true;
  const { value } = pattern;
  for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + 1)) {
    const begins = pattern.kind === 'suffix' || startsItem(text, at);
    const ends = pattern.kind === 'prefix' || endsItem(text, at + value.length);
    if (begins && ends) return true;
  }
  return false;
}

const startsItem = (text: string, at: number): boolean => /(?:^|,)[ \t]*$/.test(text.slice(0, at));
const endsItem = (text: string, at: number): boolean => /^[ \t]*(?:,|$)/.test(text.slice(at));

const inLowerCase = (text: string): string => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());

/** Hosts are the same in any case, with and without a port, unless the pattern names one, and with dots at their end. */
export function matchesHost(host: string, pattern: TextPattern): boolean {
  if (pattern.kind === 'present') return host !== '';
  const text = inLowerCase(host);
  const wanted = { ...pattern, value: inLowerCase(pattern.value) };
  if (pattern.kind === 'prefix') return matchesText(text, wanted);
  const [, name = '', ownPort] = nameAndPort.exec(wanted.value) ?? [];
  const [, asked = '', askedPort] = nameAndPort.exec(text) ?? [];
  const named = { ...wanted, value: name };
  if (ownPort !== undefined) return ownPort === askedPort && matchesText(asked, named);
  // What comes before an ending may hold the port's colon: `*8080`.
  return matchesText(asked, named) || (pattern.kind === 'suffix' && text.replace(/\.+$/, '').endsWith(name));
}

/** Without the dots between them. */
const nameAndPort = /^(.*?)\.*(:\d+)?$/s;

/** Who a SPIFFE id of the mesh stands for. */
interface Account {
  readonly namespace: string;
  readonly name: string;
}

function accountOf(identity: string): Account | undefined {
  const [, namespace, name] = /^spiffe:\/\/[^/]+\/ns\/(.*)\/sa\/([^/]+)$/s.exec(identity) ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

export function isInNamespace(identity: string, pattern: TextPattern): boolean {
  const account = accountOf(identity);
  if (account === undefined || !matchesText(account.namespace, pattern)) return false;
  const written = pattern.kind === 'present' ? '' : pattern.value;
  return account.namespace.split('/').length === written.split('/').length;
}

/** `NAMESPACE/NAME`. */
export function isAccount(identity: string, account: string): boolean {
  const found = accountOf(identity);
  return found !== undefined && `${found.namespace}/${found.name}` === account;
}
