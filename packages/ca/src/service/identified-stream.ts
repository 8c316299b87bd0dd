// A stream of plain fields with a caller who has proven who it is: what both say is a google.protobuf.Struct, and what is malformed ends the stream.
import { fromBinary, fromJson, type JsonObject, toBinary, toJson } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import * as grpc from '@grpc/grpc-js';
import { type Authenticator, authenticateCall } from '../authenticators/authenticator.ts';
import type { Identity } from '../spiffe-id.ts';

export type StreamFields = Readonly<Record<string, unknown>>;

export const encodeFields = (fields: JsonObject): Buffer =>
  Buffer.from(toBinary(StructSchema, fromJson(StructSchema, fields)));

/** Undefined: not a Struct. */
export function decodeFields(message: Uint8Array): StreamFields | undefined {
  try {
    const json: unknown = toJson(StructSchema, fromBinary(StructSchema, message));
    return typeof json === 'object' && json !== null ? { ...json } : undefined;
  } catch {
    return undefined;
  }
}

/** One caller. */
export interface IdentifiedStream {
  readonly identity: Identity;
  readonly peer: string;
  /** False: the caller is slow; `onDrained` says when it is not any more. */
  send(fields: JsonObject): boolean;
  refuse(reason: string): void;
}

export interface StreamListener {
  received(fields: StreamFields): void;
  drained(): void;
  /** Called once, however it ended. */
  closed(): void;
}

export interface IdentifiedStreamOptions {
  /** `/PACKAGE.SERVICE/METHOD`. */
  readonly path: string;
  readonly authenticators: readonly Authenticator[];
  /** Undefined: this identity may not, and the stream ends. */
  readonly open: (stream: IdentifiedStream) => StreamListener | undefined;
}

type Call = grpc.ServerDuplexStream<Buffer, Buffer>;

const passThrough = (bytes: Buffer): Buffer => bytes;

export function addIdentifiedStream(server: grpc.Server, options: IdentifiedStreamOptions): void {
  const definition: grpc.ServiceDefinition = {
    Follow: {
      path: options.path,
      requestStream: true,
      responseStream: true,
      requestSerialize: passThrough,
      requestDeserialize: passThrough,
      responseSerialize: passThrough,
      responseDeserialize: passThrough,
    },
  };
  server.addService(definition, { Follow: (call: Call) => void follow(call, options) });
}

const end = (call: Call, code: grpc.status, details: string): void =>
  void call.emit('error', { code, details });

async function follow(call: Call, { authenticators, open }: IdentifiedStreamOptions): Promise<void> {
  call.on('error', () => undefined);
  const peerCertificate = call.getAuthContext().sslPeerCertificate?.raw;
  const peer = call.getPeer();
  const found = await authenticateCall(authenticators, { peer, bearerToken: undefined, peerCertificate });
  if (found === undefined) {
    end(call, grpc.status.UNAUTHENTICATED, 'a client certificate of the mesh is required');
    return;
  }
  const refuse = (reason: string): void => end(call, grpc.status.INVALID_ARGUMENT, reason);
  const send = (fields: JsonObject): boolean => call.write(encodeFields(fields));
  const listener = open({ identity: found.identity, peer, send, refuse });
  if (listener === undefined) {
    end(call, grpc.status.PERMISSION_DENIED, 'this identity may not follow');
    return;
  }
  listen(call, listener, refuse);
}

function listen(call: Call, listener: StreamListener, refuse: (reason: string) => void): void {
  let isOpen = true;
  const close = (): void => {
    if (isOpen) listener.closed();
    isOpen = false;
  };
  call.on('data', (message: Buffer) => {
    const fields = decodeFields(message);
    if (fields === undefined) refuse('not a message of this stream');
    else if (isOpen) listener.received(fields);
  });
  call.on('drain', () => {
    if (isOpen) listener.drained();
  });
  call.on('end', () => {
    close();
    call.end();
  });
  for (const event of ['cancelled', 'error', 'close']) call.on(event, close);
}
