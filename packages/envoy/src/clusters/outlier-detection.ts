// Passive health: which answers take an endpoint out, and how many endpoints may be out at a time.
import type { OutlierDetection } from '@xebec/model';
import type { Cluster_CommonLbConfigSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import type { OutlierDetectionSchema } from '@xebec/protos/envoy/config/cluster/v3/outlier_detection_pb';
import type { MatchPredicateSchema } from '@xebec/protos/envoy/config/common/matcher/v3/matcher_pb';
import type { HttpProtocolOptions_OutlierDetectionSchema } from '@xebec/protos/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import { durationOf } from '../duration.ts';
import type { Fields } from '../resource.ts';

type Init = Fields<typeof OutlierDetectionSchema>;

/** Only what is counted ejects: success rates never do, and a threshold of 0 turns its counter off. */
export function encodeOutlierDetection(detection: OutlierDetection): Init {
  const { consecutive5xx, consecutiveGatewayErrors: gateway = 0, maxEjectionPercent } = detection;
  return {
    enforcingSuccessRate: 0,
    ...(consecutive5xx === undefined
      ? {}
      : { consecutive5xx, enforcingConsecutive5xx: consecutive5xx > 0 ? 100 : 0 }),
    ...(gateway === 0 ? {} : { consecutiveGatewayFailure: gateway, enforcingConsecutiveGatewayFailure: 100 }),
    ...localErrors(detection),
    ...(detection.intervalMs === undefined ? {} : { interval: durationOf(detection.intervalMs) }),
    ...ejectionTime(detection),
    ...(maxEjectionPercent === undefined ? {} : { maxEjectionPercent }),
  };
}

/** Envoy's longest ejection is 300 s, and it refuses a base beyond it. */
function ejectionTime({ baseEjectionMs }: OutlierDetection): Init {
  if (baseEjectionMs === undefined) return {};
  const baseEjectionTime = durationOf(baseEjectionMs);
  return baseEjectionMs <= 300_000
    ? { baseEjectionTime }
    : { baseEjectionTime, maxEjectionTime: baseEjectionTime };
}

function localErrors({ isSplit, consecutiveLocalOriginFailures: failures }: OutlierDetection): Init {
  if (!isSplit) return {};
  return {
    splitExternalLocalOriginErrors: true,
    enforcingLocalOriginSuccessRate: 0,
    ...(failures === undefined
      ? {}
      : {
          consecutiveLocalOriginFailure: failures,
          enforcingConsecutiveLocalOriginFailure: failures > 0 ? 100 : 0,
        }),
  };
}

/**
 * With fewer healthy endpoints than this Envoy calls all of them, rather than overload the rest. Istio's default is
 * never: an endpoint that is out or on its way out is not called.
 */
export const panicThreshold = (
  detection: OutlierDetection | undefined,
): Fields<typeof Cluster_CommonLbConfigSchema> => ({
  healthyPanicThreshold: { value: detection?.minHealthPercent ?? 0 },
});

type Predicate = Fields<typeof MatchPredicateSchema>;

/** Which answers count, where not just 5xx do. */
export function errorMatcher(
  detection: OutlierDetection | undefined,
): Fields<typeof HttpProtocolOptions_OutlierDetectionSchema> | undefined {
  const codes = (detection?.errorCodes ?? []).map(isStatus);
  const [only] = codes;
  if (only === undefined) return undefined;
  return { errorMatcher: codes.length === 1 ? only : { rule: { case: 'orMatch', value: { rules: codes } } } };
}

const isStatus = (code: number): Predicate => ({
  rule: {
    case: 'httpResponseHeadersMatch',
    value: {
      headers: [
        {
          name: ':status',
          headerMatchSpecifier: {
            case: 'stringMatch',
            value: { matchPattern: { case: 'exact', value: String(code) } },
          },
        },
      ],
    },
  },
});
