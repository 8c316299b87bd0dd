// What goes around the connection: PROXY protocol, a tunnel through an HTTP proxy, a budget of retries, warm-up.
import { andThen, type Decoder, oneOf, quote, text, uint32 } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { caution, refuse, type Walk } from '../../decode/walk.ts';
import { durationOrZero, positiveDuration } from '../../values/duration.ts';
import { hostName } from '../../values/host.ts';
import { decimal, percentage, port } from '../../values/numbers.ts';
import type { LoadBalancer, RetryBudget, Tunnel, Warmup } from './spec.ts';

export const proxyProtocol: Decoder<'V1' | 'V2'> = andThen(
  object({ version: withDefault(oneOf('V1', 'V2'), 'V1') }),
  ({ version }) => version,
);

const method: Decoder<Tunnel['method']> = andThen(text, (written, walk) => {
  const word = written === '' ? 'CONNECT' : written.toUpperCase();
  if (word === 'CONNECT' || word === 'POST') return word;
  const message = `${quote(written)} is not one of the values it can have`;
  return refuse(walk, { code: 'unknown-value', message, remedy: 'write CONNECT or POST' });
});

export const tunnel: Decoder<Tunnel> = andThen(
  object({
    protocol: withDefault<Tunnel['method']>(method, 'CONNECT'),
    targetHost: required(hostName({ ip: true })),
    targetPort: required(port),
  }),
  ({ protocol, targetHost, targetPort }) => ({ method: protocol, host: targetHost, port: targetPort }),
);

export const retryBudget: Decoder<RetryBudget> = andThen(
  object({
    percent: withDefault(percentage, 20),
    minRetryConcurrency: withDefault(uint32, 3),
    budgetInterval: withDefault(durationOrZero, 0),
  }),
  ({ percent, minRetryConcurrency, budgetInterval }) => ({
    percent,
    minConcurrency: minRetryConcurrency,
    intervalMs: budgetInterval,
  }),
);

const warmupShape = {
  warmup: optional(
    object({
      duration: required(positiveDuration),
      minimumPercent: withDefault(percentage, 10),
      aggression: withDefault(decimal(0.001, 1_000), 1),
    }),
  ),
  warmupDurationSecs: optional(positiveDuration),
};

/** Beside the other fields of a load balancer. */
export const warmupFields = warmupShape;

/** The two ways to write a warm-up, and where it works. */
export function warmupOf(
  { warmup, warmupDurationSecs: old }: Decoded<typeof warmupShape>,
  balancer: Pick<LoadBalancer, 'simple' | 'hash'>,
  walk: Walk,
): Warmup | 'refused' | undefined {
  if (warmup === undefined && old === undefined) return undefined;
  const field = warmup === undefined ? 'warmupDurationSecs' : 'warmup';
  const complain = (code: string, message: string, remedy: string): 'refused' => {
    refuse(walk, { code, message, remedy }, field);
    return 'refused';
  };
  if (warmup !== undefined && old !== undefined)
    return complain('conflicting-fields', 'warmup and warmupDurationSecs exclude each other', 'keep warmup');
  const { simple = 'LEAST_REQUEST', hash } = balancer;
  if (hash !== undefined || !['LEAST_REQUEST', 'ROUND_ROBIN'].includes(simple))
    return complain('conflicting-fields', 'a warm-up needs ROUND_ROBIN or LEAST_REQUEST', 'change simple');
  if (warmup !== undefined) {
    const { duration, minimumPercent, aggression } = warmup;
    return { durationMs: duration, minimumPercent, aggression };
  }
  const message = 'warmupDurationSecs is the old form of warmup';
  caution(walk, { code: 'deprecated', message, remedy: 'write warmup: { duration: … }' }, field);
  return { durationMs: old ?? 0, minimumPercent: 10, aggression: 1 };
}
