// Readiness, liveness and startup probes with Kubernetes' defaults.
import { andThen, type Decoder, integer, list, oneOf, text } from '../../decode/decoder.ts';
import { type Decoded, exactlyOne, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { headerName, printable } from '../../values/http.ts';
import { port, portReference } from '../../values/numbers.ts';
import type { Hook, Probe, ProbeAction } from './spec.ts';

const header = object({ name: required(headerName), value: required(printable) });

const httpGet = object({
  path: withDefault(printable, '/'),
  port: required(portReference),
  scheme: withDefault(oneOf('HTTP', 'HTTPS'), 'HTTP'),
  host: withDefault(printable, ''),
  httpHeaders: withDefault<readonly { readonly name: string; readonly value: string }[]>(list(header), []),
});

const seconds = integer(1, 86_400);

const actions = {
  httpGet: optional(httpGet),
  tcpSocket: optional(object({ port: required(portReference), host: withDefault(printable, '') })),
  exec: optional(object({ command: required(list(text, { least: 1 })) })),
};

const shape = {
  ...actions,
  grpc: optional(object({ port: required(port), service: withDefault(printable, '') })),
  initialDelaySeconds: withDefault(integer(0, 86_400), 0),
  periodSeconds: withDefault(seconds, 10),
  timeoutSeconds: withDefault(seconds, 1),
  successThreshold: withDefault(integer(1, 1_000), 1),
  failureThreshold: withDefault(integer(1, 10_000), 3),
  terminationGracePeriodSeconds: optional(seconds),
};

type Asked = Decoded<typeof actions> & Pick<Decoded<typeof shape>, 'grpc'>;

function action({ httpGet: http, tcpSocket, exec, grpc }: Asked): ProbeAction | undefined {
  if (http !== undefined) {
    const { httpHeaders: headers, ...rest } = http;
    return { kind: 'httpGet', ...rest, headers };
  }
  if (tcpSocket !== undefined) return { kind: 'tcpSocket', ...tcpSocket };
  if (grpc !== undefined) return { kind: 'grpc', ...grpc };
  return exec === undefined ? undefined : { kind: 'exec', command: exec.command };
}

function normalize(value: Decoded<typeof shape>, walk: Walk): Probe | undefined {
  if (!exactlyOne(value, ['httpGet', 'tcpSocket', 'exec', 'grpc'], walk)) return undefined;
  const what = action(value);
  if (what === undefined) {
    const remedy = 'write what it asks: httpGet, tcpSocket, grpc or exec';
    return refuse(walk, { code: 'missing-field', message: 'the probe does nothing', remedy });
  }
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

export const probe: Decoder<Probe> = andThen(object(shape, { isTolerant: true }), normalize);

const hookShape = { ...actions, sleep: optional(object({ seconds: required(integer(0, 3_600)) })) };
const hookWords = ['httpGet', 'tcpSocket', 'exec', 'sleep'];

const hook: Decoder<Hook> = andThen(object(hookShape, { isTolerant: true }), (value, walk) => {
  if (!exactlyOne(value, hookWords, walk)) return undefined;
  return value.sleep === undefined
    ? action(value)
    : { kind: 'sleep', durationMs: value.sleep.seconds * 1_000 };
});

/** `lifecycle`. */
export const lifecycleHooks = object(
  { postStart: optional(hook), preStop: optional(hook) },
  { ignored: ['stopSignal'], isTolerant: true },
);
