// Envoy's response flags by the short names that logs know: `UF`, `NR`; several are joined by a comma.
import type { ResponseFlags } from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';

type Flag = {
  [Name in keyof ResponseFlags]-?: ResponseFlags[Name] extends boolean ? Name : never;
}[keyof ResponseFlags];

const shortNames: readonly (readonly [Flag, string])[] = [
  ['failedLocalHealthcheck', 'LH'],
  ['noHealthyUpstream', 'UH'],
  ['upstreamRequestTimeout', 'UT'],
  ['localReset', 'LR'],
  ['upstreamRemoteReset', 'UR'],
  ['upstreamConnectionFailure', 'UF'],
  ['upstreamConnectionTermination', 'UC'],
  ['upstreamOverflow', 'UO'],
  ['noRouteFound', 'NR'],
  ['delayInjected', 'DI'],
  ['faultInjected', 'FI'],
  ['rateLimited', 'RL'],
  ['rateLimitServiceError', 'RLSE'],
  ['downstreamConnectionTermination', 'DC'],
  ['upstreamRetryLimitExceeded', 'URX'],
  ['streamIdleTimeout', 'SI'],
  ['invalidEnvoyRequestHeaders', 'IH'],
  ['downstreamProtocolError', 'DPE'],
  ['upstreamMaxStreamDurationReached', 'UMSDR'],
  ['responseFromCacheFilter', 'RFCF'],
  ['noFilterConfigFound', 'NFCF'],
  ['durationTimeout', 'DT'],
  ['upstreamProtocolError', 'UPE'],
  ['noClusterFound', 'NC'],
  ['overloadManager', 'OM'],
  ['dnsResolutionFailure', 'DF'],
];

export function flagsText(flags: ResponseFlags | undefined): string | undefined {
  if (flags === undefined) return undefined;
  const names = shortNames.filter(([name]) => flags[name]).map(([, short]) => short);
  if (flags.unauthorizedDetails !== undefined) names.push('UAEX');
  return names.length === 0 ? '-' : names.join(',');
}
