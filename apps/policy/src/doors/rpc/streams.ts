// Methods whose requests stream in. Messages of one stream are handled one after the other, and the next is read only when there is room: that is the back-pressure.
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type * as grpc from '@grpc/grpc-js';
import { encode } from '@xebec/protos';
import type { Caller } from '../callers/caller.ts';
import { decodeMessage } from './decode.ts';
import { isRefusal, malformed, type Refusal, unknownCaller } from './refusal.ts';
import { asBuffer, type Door, identifyCall, internal, type Method, pathOf, rawDefinition } from './unary.ts';

interface StreamMethod<Input extends DescMessage, Output extends DescMessage> {
  readonly name: string;
  readonly parent: { readonly typeName: string };
  readonly input: Input;
  readonly output: Output;
  readonly methodKind: 'client_streaming' | 'bidi_streaming';
}

export interface StreamContext<Output extends DescMessage> {
  readonly caller: Caller;
  readonly metadata: grpc.Metadata;
  send(message: MessageShape<Output>): void;
}

/** One open stream. */
export interface StreamHandler<Input extends DescMessage> {
  take(message: MessageShape<Input>): Promise<Refusal | undefined> | Refusal | undefined;
  /** Called once, however the stream ends. */
  close?(): void | Promise<void>;
}

type Call = grpc.ServerDuplexStream<Buffer, Buffer>;

/** A method without streamed answers gives the empty message when its requests have ended. */
export function streamMethod<Input extends DescMessage, Output extends DescMessage>(
  on: Door & { readonly open: Set<() => void> },
  method: StreamMethod<Input, Output>,
  handle: (context: StreamContext<Output>) => StreamHandler<Input> | Refusal,
): Method {
  const streamsBack = method.methodKind === 'bidi_streaming';
  const follow = async (call: Call, finish: (end: Refusal | undefined) => void): Promise<void> => {
    call.pause();
    const caller = await identifyCall(on.gate, call, on.callers);
    if (caller === undefined) return finish(unknownCaller);
    const send = (message: MessageShape<Output>): void =>
      void call.write(asBuffer(encode(method.output, message)));
    const handler = handle({ caller, metadata: call.metadata, send });
    if (isRefusal(handler)) return finish(handler);
    on.gate.metrics.countStream(on.door, 1);
    const reason = await takeAll(call, method.input, handler).catch(() => internal);
    on.gate.metrics.countStream(on.door, -1);
    await handler.close?.();
    finish(reason);
  };
  return {
    door: on.door,
    name: method.name,
    // On the wire one answer at the end is a stream of one.
    definition: rawDefinition(pathOf(method), { request: true, response: true }),
    handler: (call: Call) => {
      const start = performance.now();
      const close = (): void => void call.destroy();
      on.open.add(close);
      const finish = (end: Refusal | undefined): void => {
        on.open.delete(close);
        const seconds = (performance.now() - start) / 1_000;
        on.gate.metrics.countCall({ door: on.door, method: method.name, code: end?.code ?? 0, seconds });
        if (!streamsBack && end === undefined && !call.destroyed) call.write(Buffer.alloc(0));
        endStream(call, end);
      };
      call.on('error', () => undefined);
      follow(call, finish).catch(() => finish(internal));
    },
  };
}

function endStream(call: Call, end: Refusal | undefined): void {
  if (call.destroyed) return;
  if (end === undefined) call.end();
  else call.emit('error', { code: end.code, details: end.details });
}

/** Who does not read its answers is asked nothing more: they would pile up here. */
const drained = (call: Call): Promise<void> =>
  new Promise((resolve) => {
    const go = (): void => {
      call.off('drain', go).off('close', go).off('cancelled', go);
      resolve();
    };
    call.on('drain', go).on('close', go).on('cancelled', go);
  });

/** Undefined when the caller has ended its requests or gone away. */
async function takeAll<Input extends DescMessage>(
  call: Call,
  input: Input,
  handler: StreamHandler<Input>,
): Promise<Refusal | undefined> {
  try {
    for await (const bytes of call.iterator({ destroyOnReturn: false })) {
      if (!(bytes instanceof Uint8Array)) return malformed;
      const message = decodeMessage(input, bytes);
      const refused = message === undefined ? malformed : await handler.take(message);
      if (refused !== undefined) return refused;
      if (call.writableNeedDrain) await drained(call);
    }
  } catch {
    // The stream was cancelled or its connection broke.
  }
  return undefined;
}
