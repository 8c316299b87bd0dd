// Turns one DNS message into its answer; whatever arrives, the outcome is a message or silence, never an error.
import {
  type DecodedPacket,
  decode,
  encode,
  type Packet,
  type Question,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
} from 'dns-packet';
import { answerQuery, type Instead, type ResolveHost, refusedName, respond, responseCode } from './answer.ts';
import { isLocalName } from './host-names.ts';
import { askUpstreams, type Transport, type Upstream } from './upstream.ts';

/** The answer, or undefined where a message deserves none. */
export type MessageHandler = (
  message: Buffer,
  client: string,
  transport: Transport,
) => Promise<Buffer | undefined>;

export interface DnsAnswerOptions {
  readonly resolve: ResolveHost;
  /** The Kubernetes namespace of the client with this address; clients without one are refused. */
  readonly namespaceOf: (address: string) => string | undefined;
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** Servers that are asked for names outside the mesh; none means that there are no such names. */
  readonly upstreams: readonly Upstream[];
  /** Answer no mesh name, but the real addresses of foreign ones: what a proxy needs. */
  readonly foreignNamesOnly?: boolean;
  /** How long clients may keep an answer; 5 to 30 seconds, default 30. */
  readonly ttlSeconds?: number;
  readonly upstreamTimeoutMs?: number;
}

interface Settings extends DnsAnswerOptions {
  readonly clusterDomain: string;
  readonly ttlSeconds: number;
}

const maximumForwards = 512;

export function createMessageHandler(options: DnsAnswerOptions): MessageHandler {
  const settings: Settings = {
    ...options,
    clusterDomain: options.clusterDomain ?? 'cluster.local',
    ttlSeconds: Math.min(30, Math.max(5, options.ttlSeconds ?? 30)),
  };
  let forwards = 0;
  const forward = async (message: Buffer, transport: Transport): Promise<Buffer | undefined> => {
    if (forwards >= maximumForwards) return undefined;
    forwards++;
    try {
      return await askUpstreams(message, transport, settings.upstreams, settings.upstreamTimeoutMs ?? 2_000);
    } finally {
      forwards--;
    }
  };
  return async (message, client, transport) => {
    const query = decodeQuery(message);
    if (query === undefined) return undefined;
    const decided = await decide(query, client, settings).catch(() =>
      respond(query, query.questions?.[0], responseCode.serverFailure),
    );
    if (decided !== 'forward' && !('instead' in decided)) return fit(query, decided, transport);
    const failed = (): Buffer => encode(respond(query, query.questions?.[0], responseCode.serverFailure));
    if (decided === 'forward') return (await forward(message, transport)) ?? failed();
    const answer = await forward(askInstead(query, decided.instead), 'tcp');
    return answer === undefined ? failed() : fit(query, renamed(query, answer), transport);
  };
}

/** The same question about another name. */
const askInstead = (query: DecodedPacket, name: string): Buffer =>
  encode({
    type: 'query',
    id: query.id ?? 0,
    flags: RECURSION_DESIRED,
    questions: (query.questions ?? []).map(({ type }) => ({ type, name })),
  });

/** The addresses of another name as those of the name that was asked: the alias itself is not shown. */
function renamed(query: DecodedPacket, answer: Buffer): Packet {
  const [question] = query.questions ?? [];
  const found = decode(answer);
  const answers = (found.answers ?? []).flatMap((each) =>
    (each.type === 'A' || each.type === 'AAAA') && question !== undefined
      ? [{ ...each, name: question.name }]
      : [],
  );
  return { ...respond(query, question, (found.flags ?? 0) & 0xf), answers };
}

/** Undefined for what is no query: such messages are never answered, or two servers could talk for ever. */
function decodeQuery(message: Buffer): DecodedPacket | undefined {
  try {
    const packet = decode(message);
    return packet.flag_qr ? undefined : packet;
  } catch {
    return undefined;
  }
}

async function decide(
  query: DecodedPacket,
  client: string,
  settings: Settings,
): Promise<Packet | 'forward' | Instead> {
  const questions = query.questions ?? [];
  const [question] = questions;
  if (question === undefined || questions.length !== 1)
    return respond(query, undefined, responseCode.formatError);
  if (((query.flags ?? 0) & 0x7800) !== 0) return respond(query, question, responseCode.notImplemented);
  const namespace = settings.namespaceOf(client);
  if (namespace === undefined) return respond(query, question, responseCode.refused);
  const decided =
    settings.foreignNamesOnly === true
      ? decideForeign(query, question, settings)
      : await answerQuery(query, question, { ...settings, namespace });
  const isElsewhere = decided === 'forward' || 'instead' in decided;
  return isElsewhere && settings.upstreams.length === 0 ? refusedName(query, question, settings) : decided;
}

function decideForeign(query: DecodedPacket, question: Question, settings: Settings): Packet | 'forward' {
  const name = question.name.toLowerCase();
  return isLocalName(name, settings.clusterDomain) ? refusedName(query, question, settings) : 'forward';
}

/** What does not fit into a datagram is cut to "ask again over TCP". */
function fit(query: DecodedPacket, response: Packet, transport: Transport): Buffer {
  const encoded = encode(response);
  const limit = datagramLimit(query);
  if (transport === 'tcp' || encoded.length <= limit) return encoded;
  const { authorities: _authorities, answers: _answers, ...rest } = response;
  return encode({ ...rest, flags: (response.flags ?? 0) | TRUNCATED_RESPONSE });
}

function datagramLimit(query: DecodedPacket): number {
  const extended = query.additionals?.find((record) => record.type === 'OPT');
  const offered = extended?.type === 'OPT' ? extended.udpPayloadSize : 512;
  return Math.min(1_232, Math.max(512, offered));
}
