// Decides the answer to one query: a mesh name's addresses, "no such name", or that somebody else must say.
import { isIP } from 'node:net';
import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  type DecodedPacket,
  type Packet,
  type Question,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
} from 'dns-packet';
import { candidateHosts, isLocalName } from './host-names.ts';

/** The addresses of a host as a client in a namespace may see them; `unknown` when the mesh has no such host. */
export type ResolveHost = (host: string, namespace: string) => Promise<readonly string[] | 'unknown'>;

/** Response codes of RFC 1035. */
export const responseCode = {
  success: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
} as const;

export interface AnswerContext {
  /** The Kubernetes namespace of the client. */
  readonly namespace: string;
  readonly clusterDomain: string;
  readonly ttlSeconds: number;
  readonly resolve: ResolveHost;
}

/** Answers a well-formed query of one question; `forward` when the name is not of this mesh. */
export async function answerQuery(
  query: DecodedPacket,
  question: Question,
  context: AnswerContext,
): Promise<Packet | 'forward'> {
  const name = question.name.toLowerCase().replace(/\.$/, '');
  if (name === 'localhost') return addressResponse(query, question, ['127.0.0.1', '::1'], context);
  const addresses = await lookUp(name, context);
  if (addresses !== 'unknown') return addressResponse(query, question, addresses, context);
  return isLocalName(name, context.clusterDomain) ? refusedName(query, question, context) : 'forward';
}

async function lookUp(name: string, context: AnswerContext): Promise<readonly string[] | 'unknown'> {
  for (const host of candidateHosts(name, context.namespace, context.clusterDomain)) {
    const addresses = await context.resolve(host, context.namespace);
    if (addresses !== 'unknown') return addresses;
  }
  return 'unknown';
}

/** A known name with no address of the asked type is an empty success, not an error (RFC 2308). */
function addressResponse(
  query: DecodedPacket,
  question: Question,
  addresses: readonly string[],
  context: AnswerContext,
): Packet {
  const version = question.type === 'A' ? 4 : question.type === 'AAAA' ? 6 : undefined;
  const answers = addresses
    .filter((address) => isIP(address) === version)
    .map((data): Answer => ({ ...typed(version), name: question.name, ttl: context.ttlSeconds, data }));
  const empty = answers.length === 0 ? [startOfAuthority(context)] : [];
  return {
    ...respond(query, question, responseCode.success, AUTHORITATIVE_ANSWER),
    answers,
    authorities: empty,
  };
}

const typed = (version: 4 | 6 | undefined): { readonly type: 'A' | 'AAAA' } => ({
  type: version === 6 ? 'AAAA' : 'A',
});

/** "No such name", to be asked again after a while, since services come and go. */
export function refusedName(
  query: DecodedPacket,
  question: Question,
  context: Pick<AnswerContext, 'clusterDomain' | 'ttlSeconds'>,
): Packet {
  return {
    ...respond(query, question, responseCode.nameError, AUTHORITATIVE_ANSWER),
    authorities: [startOfAuthority(context)],
  };
}

function startOfAuthority({
  clusterDomain,
  ttlSeconds,
}: Pick<AnswerContext, 'clusterDomain' | 'ttlSeconds'>): Answer {
  return {
    type: 'SOA',
    name: clusterDomain,
    ttl: ttlSeconds,
    data: {
      mname: `ns.dns.${clusterDomain}`,
      rname: `hostmaster.${clusterDomain}`,
      serial: 1,
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: ttlSeconds,
    },
  };
}

/** A response without records. */
export function respond(
  query: DecodedPacket,
  question: Question | undefined,
  code: number,
  flags = 0,
): Packet {
  const wanted = query.flag_rd ? RECURSION_DESIRED : 0;
  return {
    type: 'response',
    id: query.id ?? 0,
    flags: flags | wanted | RECURSION_AVAILABLE | code,
    questions: question === undefined ? [] : [question],
  };
}
