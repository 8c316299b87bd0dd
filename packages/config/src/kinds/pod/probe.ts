// Readiness, liveness and startup probes with Kubernetes' defaults.
import { andThen, type Decoder, integer, list, oneOf, text } from '../../decode/decoder.ts';
import { type Decoded, exactlyOne, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { headerName, printable } from '../../values/http.ts';
import { portReference } from '../../values/numbers.ts';
import type { Probe, ProbeAction } from './spec.ts';

const header = object({ name: required(headerName), value: required(printable) });

const httpGet = object({
  path: withDefault(printable, '/'),
  port: required(portReference),
  scheme: withDefault(oneOf('HTTP', 'HTTPS'), 'HTTP'),
  host: withDefault(printable, ''),
  httpHeaders: withDefault<readonly { readonly name: string; readonly value: string }[]>(list(header), []),
});

const seconds = integer(1, 86_400);

const shape = {
  httpGet: optional(httpGet),
  tcpSocket: optional(object({ port: required(portReference), host: withDefault(printable, '') })),
  exec: optional(object({ command: required(list(text, { least: 1 })) })),
  initialDelaySeconds: withDefault(integer(0, 86_400), 0),
  periodSeconds: withDefault(seconds, 10),
  timeoutSeconds: withDefault(seconds, 1),
  successThreshold: withDefault(integer(1, 1_000), 1),
  failureThreshold: withDefault(integer(1, 10_000), 3),
  terminationGracePeriodSeconds: optional(seconds),
};

function action({ httpGet: http, tcpSocket, exec }: Decoded<typeof shape>): ProbeAction | undefined {
  if (http !== undefined) {
    const { httpHeaders: headers, ...rest } = http;
    return { kind: 'httpGet', ...rest, headers };
  }
  if (tcpSocket !== undefined) return { kind: 'tcpSocket', ...tcpSocket };
  return exec === undefined ? undefined : { kind: 'exec', command: exec.command };
}

function normalize(value: Decoded<typeof shape>, walk: Walk): Probe | undefined {
  if (!exactlyOne(value, ['httpGet', 'tcpSocket', 'exec'], walk)) return undefined;
  const what = action(value);
  if (what === undefined) return refuse(walk, { code: 'missing-field', message: 'the probe does nothing' });
  const grace = value.terminationGracePeriodSeconds;
  return {
    action: what,
    initialDelayMs: value.initialDelaySeconds * 1_000,
    periodMs: value.periodSeconds * 1_000,
    timeoutMs: value.timeoutSeconds * 1_000,
    successThreshold: value.successThreshold,
    failureThreshold: value.failureThreshold,
    ...(grace === undefined ? {} : { terminationGracePeriodMs: grace * 1_000 }),
  };
}

export const probe: Decoder<Probe> = andThen(object(shape, { later: ['grpc'], isTolerant: true }), normalize);
