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

/** What the mesh knows of a host; `unknown` when it has no such host. */
export type HostAnswer =
  | 'unknown'
  /** Addresses that stand for the host as long as it exists. */
  | readonly string[]
  /** Addresses that may be others soon. */
  | { readonly kind: 'members'; readonly addresses: readonly string[] }
  /** The host is another name for one outside the mesh. */
  | { readonly kind: 'name'; readonly name: string }
  /** The answer to an SRV query. */
  | { readonly kind: 'places'; readonly places: readonly { readonly host: string; readonly port: number }[] };

/** A host as a client in a namespace may see it. */
export type ResolveHost = (host: string, namespace: string) => Promise<HostAnswer>;

/** Another name has the answer: it is asked for instead. */
export interface Instead {
  readonly instead: string;
}

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
): Promise<Packet | 'forward' | Instead> {
  const name = question.name.toLowerCase().replace(/\.$/, '');
  if (name === 'localhost') return addressResponse(query, question, ['127.0.0.1', '::1'], context);
  const isLocal = isLocalName(name, context.clusterDomain);
  const found = await lookUp(name, context).catch((error: unknown) => {
    // While the mesh cannot be asked, its own names are in doubt, and foreign ones are what they are elsewhere.
    if (isLocal) throw error;
    return 'unknown' as const;
  });
  if (found === 'unknown') return isLocal ? refusedName(query, question, context) : 'forward';
  if ('length' in found) return addressResponse(query, question, found, context);
  switch (found.kind) {
    case 'members':
      return addressResponse(query, question, found.addresses, {
        ...context,
        ttlSeconds: Math.min(context.ttlSeconds, memberTtlSeconds),
      });
    case 'name':
      return { instead: found.name };
    case 'places':
      return serviceResponse(query, question, found.places, context);
  }
}

/** Members of a service come and go: their addresses are not to be kept for long. */
const memberTtlSeconds = 5;

async function lookUp(name: string, context: AnswerContext): Promise<HostAnswer> {
  for (const host of candidateHosts(name, context.namespace, context.clusterDomain)) {
    const found = await context.resolve(host, context.namespace);
    if (found !== 'unknown') return found;
  }
  return 'unknown';
}

/** RFC 2782; everybody is as good as everybody else. */
function serviceResponse(
  query: DecodedPacket,
  question: Question,
  places: readonly { readonly host: string; readonly port: number }[],
  context: AnswerContext,
): Packet {
  const asked = question.type === 'SRV' ? places : [];
  const answers = asked.map(
    ({ host, port }): Answer => ({
      type: 'SRV',
      name: question.name,
      ttl: Math.min(context.ttlSeconds, memberTtlSeconds),
      data: { port, target: host, priority: 0, weight: 1 },
    }),
  );
  return {
    ...respond(query, question, responseCode.success, AUTHORITATIVE_ANSWER),
    answers,
    authorities: answers.length === 0 ? [startOfAuthority(context)] : [],
  };
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

/** "No such name", which nobody may remember: the service may come the next moment. */
export function refusedName(
  query: DecodedPacket,
  question: Question,
  context: Pick<AnswerContext, 'clusterDomain'>,
): Packet {
  return {
    ...respond(query, question, responseCode.nameError, AUTHORITATIVE_ANSWER),
    authorities: [startOfAuthority(context)],
  };
}

function startOfAuthority({ clusterDomain }: Pick<AnswerContext, 'clusterDomain'>): Answer {
  return {
    type: 'SOA',
    name: clusterDomain,
    ttl: 0,
    data: {
      mname: `ns.dns.${clusterDomain}`,
      rname: `hostmaster.${clusterDomain}`,
      serial: 1,
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: 0,
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
