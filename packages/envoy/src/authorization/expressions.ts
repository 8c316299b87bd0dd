// RBAC rules as one expression of the Common Expression Language about a connection: it says the same as the rules do.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CidrRangeSchema } from '@xebec/protos/envoy/config/core/v3/address_pb';
import type {
  PermissionSchema,
  PolicySchema,
  PrincipalSchema,
} from '@xebec/protos/envoy/config/rbac/v3/rbac_pb';
import type { StringMatcherSchema } from '@xebec/protos/envoy/type/matcher/v3/string_pb';
import { addressRegex } from './address-regex.ts';

/** Undefined: there is no expression that says the same. */
export type Expression = string | undefined;

/** Who may be at the other end: a workload of the mesh, proven by its one SPIFFE id, or nobody that says who it is. */
export type Peer = 'mesh' | 'unproven';

/**
 * Text as CEL takes it. Whatever could end the text, or the command of Envoy's format around it, is written as a number.
 */
export const quoted = (text: string): string =>
  `'${[...text].map((letter) => (/[\w./ :|[\]^?+*=,@-]/.test(letter) ? letter : escaped(letter))).join('')}'`;

/** Half of a pair is no letter; the encoding of messages writes it as this one, too. */
const replacement = 0xfffd;

function escaped(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  const isHalf = code >= 0xd800 && code <= 0xdfff;
  return `\\U${(isHalf ? replacement : code).toString(16).padStart(8, '0')}`;
}

const yes = 'true';
const no = 'false';

function either(all: readonly Expression[]): Expression {
  const known = all.filter((one) => one !== undefined);
  if (known.length < all.length) return undefined;
  if (known.includes(yes)) return yes;
  const open = known.filter((one) => one !== no);
  return open.length < 2 ? (open[0] ?? no) : `(${open.join(' || ')})`;
}

function both(all: readonly Expression[]): Expression {
  const known = all.filter((one) => one !== undefined);
  if (known.length < all.length) return undefined;
  if (known.includes(no)) return no;
  const open = known.filter((one) => one !== yes);
  return open.length < 2 ? (open[0] ?? yes) : `(${open.join(' && ')})`;
}

function not(one: Expression): Expression {
  if (one === undefined) return undefined;
  return one === yes ? no : one === no ? yes : `!(${one})`;
}

function matching(subject: string, matcher: MessageInitShape<typeof StringMatcherSchema>): Expression {
  const pattern = matcher.matchPattern;
  if (matcher.ignoreCase === true) return undefined;
  switch (pattern?.case) {
    case 'exact':
      return `${subject} == ${quoted(pattern.value)}`;
    case 'prefix':
      return `${subject}.startsWith(${quoted(pattern.value)})`;
    case 'suffix':
      return `${subject}.endsWith(${quoted(pattern.value)})`;
    case 'safeRegex':
      // Envoy's matcher takes the whole text, CEL's function any part of it.
      return `${subject}.matches(${quoted(`\\A(?:${pattern.value.regex ?? ''})\\z`)})`;
    default:
      return undefined;
  }
}

function inRange(
  subject: string,
  { addressPrefix = '', prefixLen }: MessageInitShape<typeof CidrRangeSchema>,
): Expression {
  const regex = addressRegex(addressPrefix, typeof prefixLen === 'number' ? prefixLen : undefined);
  return regex === undefined ? undefined : `${subject}.matches(${quoted(`\\A${regex}:[0-9]+\\z`)})`;
}

/** On a connection both are the other end's address, as long as no proxy before it tells another. */
const peerAddress = 'source.address';

function principal({ identifier }: MessageInitShape<typeof PrincipalSchema>, peer: Peer): Expression {
  switch (identifier?.case) {
    case 'any':
      return yes;
    case 'andIds':
      return both((identifier.value.ids ?? []).map((id) => principal(id, peer)));
    case 'orIds':
      return either((identifier.value.ids ?? []).map((id) => principal(id, peer)));
    case 'notId':
      return not(principal(identifier.value, peer));
    case 'directRemoteIp':
    case 'remoteIp':
      return inRange(peerAddress, identifier.value);
    case 'authenticated':
      if (peer === 'unproven') return no;
      return matching('connection.uri_san_peer_certificate', identifier.value.principalName ?? {});
    default:
      return undefined;
  }
}

function permission({ rule }: MessageInitShape<typeof PermissionSchema>): Expression {
  switch (rule?.case) {
    case 'any':
      return yes;
    case 'andRules':
      return both((rule.value.rules ?? []).map(permission));
    case 'orRules':
      return either((rule.value.rules ?? []).map(permission));
    case 'notRule':
      return not(permission(rule.value));
    case 'requestedServerName':
      return matching('connection.requested_server_name', rule.value);
    case 'destinationPort':
      return `destination.port == ${rule.value}`;
    case 'destinationIp':
      return inRange('destination.address', rule.value);
    default:
      return undefined;
  }
}

/** Whether a policy matches a connection. */
export const policyExpression = (
  { principals = [], permissions = [] }: MessageInitShape<typeof PolicySchema>,
  peer: Peer,
): Expression =>
  both([either(principals.map((each) => principal(each, peer))), either(permissions.map(permission))]);

export const anyExpression = either;
