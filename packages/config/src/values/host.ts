// Host names of services: letters of any case are accepted and given in lower case, a wildcard only as the whole first label.
import { andThen, type Decoder, quote, text } from '../decode/decoder.ts';
import { refuse, type Walk } from '../decode/walk.ts';
import { isIpAddress } from './address.ts';

const part = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/;

const isName = (host: string): boolean =>
  host.length <= 253 && host.split('.').every((label) => label.length <= 63 && part.test(label));

const looksLikeAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':');

export interface HostRules {
  /** `*.example.com`. */
  readonly wildcard?: boolean;
  /** `*` alone. */
  readonly any?: boolean;
  readonly ip?: boolean;
}

/** A host name under the given rules, in lower case. */
export function hostName(rules: HostRules = {}): Decoder<string> {
  return andThen(text, (written, walk) => {
    const host = written.toLowerCase();
    if (host.length > 253) return invalid(written.slice(0, 40), 'write at most 253 characters', walk);
    if (host === '*') return rules.any ? host : invalid(written, 'write a full host name', walk);
    if (isIpAddress(host)) return rules.ip ? host : invalid(written, 'write a name, not an address', walk);
    const name = host.startsWith('*.') ? host.slice(2) : host;
    const isGood = isName(name) && !looksLikeAddress(name) && (name === host || rules.wildcard);
    return isGood ? host : invalid(written, remedyFor(host, rules), walk);
  });
}

const invalid = (written: string, remedy: string, walk: Walk): undefined =>
  refuse(walk, { code: 'invalid-host', message: `${quote(written)} is not a host allowed here`, remedy });

function remedyFor(host: string, rules: HostRules): string {
  if (host.includes('://')) return 'write the host only, without scheme and path';
  if (host.endsWith('.')) return 'remove the dot at the end';
  if (host.includes('*')) {
    return rules.wildcard
      ? 'a wildcard stands for the whole first part: *.example.com'
      : 'write a name without wildcard';
  }
  if (/:\d+$/.test(host)) return 'remove the port; ports have their own field';
  return 'use letters, digits, dashes and dots, such as reviews.default.svc.cluster.local';
}
