// A method with one request and one answer: identified, decoded, answered, counted. A bug in an answer ends that call and no other.
import type { DescMessage, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { encode } from '@xebec/protos';
import { type Caller, type Credentials, credentialsOf } from '../callers/caller.ts';
import type { DoorName } from '../metrics.ts';
import { decodeMessage } from './decode.ts';
import type { Gate } from './gate.ts';
import { isRefusal, malformed, type Refusal, refusal, unknownCaller } from './refusal.ts';

export interface CallContext {
  readonly caller: Caller;
  readonly metadata: grpc.Metadata;
  /** Aborted when the caller goes away. */
  readonly signal: AbortSignal;
}

export interface RawMethod {
  readonly name: string;
  readonly definition: grpc.MethodDefinition<Buffer, Buffer>;
  readonly handler: grpc.UntypedHandleCall;
}

export interface Method extends RawMethod {
  readonly door: DoorName;
}

const passThrough = (bytes: Buffer): Buffer => bytes;

export const rawDefinition = (
  path: string,
  streams: { readonly request: boolean; readonly response: boolean },
): grpc.MethodDefinition<Buffer, Buffer> => ({
  path,
  requestStream: streams.request,
  responseStream: streams.response,
  requestSerialize: passThrough,
  requestDeserialize: passThrough,
  responseSerialize: passThrough,
  responseDeserialize: passThrough,
});

export interface Door {
  readonly door: DoorName;
  /** Who is expected to call: proxies must have a certificate. */
  readonly callers: 'proxies' | 'apps';
  readonly gate: Gate;
}

type Answer<Output extends DescMessage> = MessageShape<Output> | Refusal;
type Call = grpc.ServerUnaryCall<Buffer, Buffer>;

export function unaryMethod<Input extends DescMessage, Output extends DescMessage>(
  { door, callers, gate }: Door,
  method: DescMethodUnary<Input, Output>,
  answer: (request: MessageShape<Input>, context: CallContext) => Promise<Answer<Output>>,
): Method {
  const answerCall = async (call: Call, departure: Departure): Promise<Answer<Output>> => {
    const caller = await identifyCall(gate, call, callers);
    if (caller === undefined) return unknownCaller;
    const request = decodeMessage(method.input, call.request);
    if (request === undefined) return malformed;
    return answer(request, { caller, metadata: call.metadata, signal: departure.signal });
  };
  return {
    door,
    name: method.name,
    definition: rawDefinition(pathOf(method), { request: false, response: false }),
    handler: (call: Call, reply: grpc.sendUnaryData<Buffer>) => {
      const start = performance.now();
      const departure = departureOf(call);
      const end = (result: Answer<Output>): void => {
        departure.isAnswered = true;
        const failed = isRefusal(result);
        const seconds = (performance.now() - start) / 1_000;
        gate.metrics.countCall({ door, method: method.name, code: failed ? result.code : 0, seconds });
        if (failed) reply({ code: result.code, details: result.details });
        else reply(null, asBuffer(encode(method.output, result)));
      };
      answerCall(call, departure).then(end, () => end(internal));
    },
  };
}

export const internal: Refusal = refusal(grpc.status.INTERNAL, 'the policy service failed to answer');

export const pathOf = (method: {
  readonly parent: { readonly typeName: string };
  readonly name: string;
}): string => `/${method.parent.typeName}/${method.name}`;

export const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

export function identifyCall(
  gate: Gate,
  call: Parameters<typeof credentialsOf>[0],
  callers: Door['callers'],
): Promise<Caller | undefined> {
  const credentials: Credentials = credentialsOf(call);
  return gate.identify(credentials, callers);
}

/** Whether the caller has gone away before it was answered. */
interface Departure {
  readonly signal: AbortSignal;
  isAnswered: boolean;
}

/** The end of every call comes as a cancellation too: an answered one aborts nothing. */
function departureOf(call: Call): Departure {
  const controller = new AbortController();
  const departure: Departure = { signal: controller.signal, isAnswered: false };
  call.once('cancelled', () => {
    if (!departure.isAnswered) controller.abort();
  });
  return departure;
}

export function addMethods(server: grpc.Server, methods: readonly RawMethod[]): void {
  // By path: services have methods of the same name.
  const definitions = Object.fromEntries(methods.map(({ definition }) => [definition.path, definition]));
  const handlers = Object.fromEntries(methods.map(({ definition, handler }) => [definition.path, handler]));
  server.addService(definitions, handlers);
}
