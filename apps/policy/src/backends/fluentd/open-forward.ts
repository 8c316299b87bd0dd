// The forward protocol's connection. Rule: messages go one after the other; what was not acknowledged in time has failed, and its connection is not used again.
import { connect, type Socket } from 'node:net';
import type { ForwardClient, OpenForward } from '@xebec/policy';
import { withDeadline } from '../deadline.ts';

export const openForward: OpenForward = ({ address, timeoutMs }) => new Forwarding(address, timeoutMs);

class Forwarding implements ForwardClient {
  readonly #address: string;
  readonly #timeoutMs: number;
  #socket: Socket | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(address: string, timeoutMs: number) {
    this.#address = address;
    this.#timeoutMs = timeoutMs;
  }

  send(message: Uint8Array, chunk: string | undefined, signal: AbortSignal): Promise<void> {
    const next = this.#last.then(() =>
      withDeadline(signal, this.#timeoutMs, (bounded) => this.#send(message, chunk, bounded)),
    );
    this.#last = next.catch(() => undefined);
    return next;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #send(message: Uint8Array, chunk: string | undefined, signal: AbortSignal): Promise<void> {
    const held = this.#socket;
    const socket = held === undefined || held.destroyed ? open(this.#address) : held;
    this.#socket = socket;
    try {
      await exchange(socket, { message, chunk, signal });
    } catch (error) {
      this.close();
      throw error;
    }
  }
}

function open(address: string): Socket {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replaceAll(/[[\]]/g, '');
  const socket = connect({ host, port: Number(address.slice(colon + 1)), noDelay: true });
  socket.on('error', () => undefined);
  return socket;
}

interface Exchange {
  readonly message: Uint8Array;
  readonly chunk: string | undefined;
  readonly signal: AbortSignal;
}

function exchange(socket: Socket, { message, chunk, signal }: Exchange): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const end = (error?: Error): void => {
      socket.off('data', onData).off('error', end).off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onClose = (): void => end(new Error('the server closed the connection'));
    const onAbort = (): void => end(new Error('the server did not answer in time'));
    const onData = (bytes: Buffer): void => {
      answer = Buffer.concat([answer, bytes]);
      if (chunk !== undefined && answer.equals(acknowledgement(chunk))) end();
      else if (answer.length > 1_024) end(new Error('the server answers with what is no acknowledgement'));
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);
    socket.on('data', onData).on('error', end).on('close', onClose);
    socket.write(message, (error) => {
      if (error === undefined || error === null) {
        if (chunk === undefined) end();
      }
    });
  });
}

/** `{"ack": chunk}` in MessagePack; chunks are shorter than 32 bytes. */
function acknowledgement(chunk: string): Buffer {
  const text = Buffer.from(chunk);
  return Buffer.concat([Buffer.of(0x81, 0xa3), Buffer.from('ack'), Buffer.of(0xa0 | text.length), text]);
}
