// When an endpoint is taken out for a while because of its answers.
import { andThen, boolean, count, type Decoder, integer, list, uint32 } from '../../decode/decoder.ts';
import { type Decoded, object, optional, withDefault } from '../../decode/object.ts';
import { caution, type Walk } from '../../decode/walk.ts';
import { positiveDuration } from '../../values/duration.ts';
import type { OutlierDetection } from './spec.ts';

const percent = integer(0, 100);

const shape = {
  consecutiveErrors: optional(count),
  consecutiveGatewayErrors: optional(uint32),
  consecutive5xxErrors: optional(uint32),
  splitExternalLocalOriginErrors: withDefault(boolean, false),
  consecutiveLocalOriginFailures: optional(uint32),
  interval: optional(positiveDuration),
  baseEjectionTime: optional(positiveDuration),
  maxEjectionPercent: optional(percent),
  minHealthPercent: withDefault(percent, 0),
  outlierDetectionHttpErrorCodes: withDefault<readonly number[]>(list(integer(100, 599), { most: 500 }), []),
};

export const outlierDetection: Decoder<OutlierDetection> = andThen(object(shape), build);

function build(value: Decoded<typeof shape>, walk: Walk): OutlierDetection {
  const { consecutive5xxErrors, consecutiveLocalOriginFailures, interval, baseEjectionTime } = value;
  const gatewayErrors = gatewayErrorsOf(value, walk);
  warnOfNoEffect(value, walk);
  return {
    ...(consecutive5xxErrors === undefined ? {} : { consecutive5xx: consecutive5xxErrors }),
    ...(gatewayErrors === undefined ? {} : { consecutiveGatewayErrors: gatewayErrors }),
    isSplit: value.splitExternalLocalOriginErrors,
    ...(consecutiveLocalOriginFailures === undefined ? {} : { consecutiveLocalOriginFailures }),
    ...(interval === undefined ? {} : { intervalMs: interval }),
    ...(baseEjectionTime === undefined ? {} : { baseEjectionMs: baseEjectionTime }),
    // 0 is how protobuf writes "not set".
    ...(value.maxEjectionPercent ? { maxEjectionPercent: value.maxEjectionPercent } : {}),
    minHealthPercent: value.minHealthPercent,
    errorCodes: [...new Set(value.outlierDetectionHttpErrorCodes)].sort((left, right) => left - right),
  };
}

/** The old name counts the same errors. */
function gatewayErrorsOf(value: Decoded<typeof shape>, walk: Walk): number | undefined {
  const { consecutiveErrors: old, consecutiveGatewayErrors: current } = value;
  if (old === undefined) return current;
  const message = 'consecutiveErrors is the old name of consecutiveGatewayErrors';
  const remedy = 'write consecutiveGatewayErrors or consecutive5xxErrors';
  caution(walk, { code: 'deprecated', message, remedy }, 'consecutiveErrors');
  return current ?? old;
}

function warnOfNoEffect(value: Decoded<typeof shape>, walk: Walk): void {
  if (value.consecutiveLocalOriginFailures === undefined || value.splitExternalLocalOriginErrors) return;
  const message = 'consecutiveLocalOriginFailures has no effect without splitExternalLocalOriginErrors';
  const remedy = 'write splitExternalLocalOriginErrors: true';
  caution(walk, { code: 'field-has-no-effect', message, remedy }, 'consecutiveLocalOriginFailures');
}
