// When two mail addresses, or two URIs, are one. Rule: as `==` of both languages sees them; text that is neither is a problem, not unequal.
import { type Comparison, compareDomainNames } from './domain-name.ts';
import { readMailAddress } from './mail-address.ts';
import { formatUri, hostName, portOf, readUri } from './uri.ts';

/** Domains are compared as domains, what is before the `@` letter by letter. */
export function compareMailAddresses(a: string, b: string): Comparison {
  const left = readMailAddress(a);
  if (!left.ok) return left;
  const right = readMailAddress(b);
  if (!right.ok) return right;
  const domains = compareDomainNames(left.address.domain, right.address.domain);
  if (!domains.ok) {
    return { ok: false, problem: `error comparing e-mails '${a}' and '${b}': ${domains.problem}` };
  }
  return { ok: true, isEqual: domains.isEqual && left.address.local === right.address.local };
}

/** The scheme without regard to case; of http and https the host as a domain too; all else letter by letter. */
export function compareUris(a: string, b: string): Comparison {
  const left = readUri(a);
  if (!left.ok) return uriProblem(a, left.problem);
  const right = readUri(b);
  if (!right.ok) return uriProblem(b, right.problem);
  if (left.uri.scheme !== right.uri.scheme) return { ok: true, isEqual: false };
  if (!/^https?$/.test(left.uri.scheme)) {
    return { ok: true, isEqual: formatUri(left.uri) === formatUri(right.uri) };
  }
  const hosts = compareDomainNames(hostName(left.uri), hostName(right.uri));
  if (!hosts.ok || !hosts.isEqual) return hosts;
  const isEqual =
    portOf(left.uri) === portOf(right.uri) && formatUri(left.uri, right.uri.host) === formatUri(right.uri);
  return { ok: true, isEqual };
}

const uriProblem = (text: string, problem: string): Comparison => ({
  ok: false,
  problem: `error converting string to uri '${text}': '${problem}'`,
});
