// A method of proxies where programs come in. The rule: it is not answered, and counted, so that who tries shows.
import type * as grpc from '@grpc/grpc-js';
import type { Gate } from './gate.ts';
import { proxiesOnly } from './refusal.ts';
import type { Method } from './unary.ts';

export function closedMethod(gate: Gate, { door, name, definition }: Method): Method {
  const refuse = (answer: (error: grpc.ServiceError | Partial<grpc.StatusObject>) => void): void => {
    gate.metrics.countCall({ door, method: name, code: proxiesOnly.code, seconds: 0 });
    answer({ code: proxiesOnly.code, details: proxiesOnly.details });
  };
  const handler: grpc.UntypedHandleCall = definition.requestStream
    ? (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
        call.on('error', () => undefined);
        refuse((error) => void call.emit('error', error));
      }
    : (_call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) => refuse(reply);
  return { door, name, definition, handler };
}
