// The tables of the policy service: checks by door, reports, and what each way to enforce adds to two sidecars.
import type { CheckResult } from '../policy/measure-checks.ts';
import type { PairResult } from '../policy/measure-pairs.ts';
import type { PolicyResult } from '../policy/measure-policy.ts';
import type { ReportResult } from '../policy/measure-reports.ts';
import { byteCount, count, milliseconds } from './numbers.ts';
import { formatTable } from './table.ts';

const whole = (value: number): string => count(Math.round(value));
const cores = (value: number): string => value.toFixed(3);

const checkRow = (result: CheckResult): string[] => [
  result.name,
  whole(result.perSecond),
  whole(result.failures),
  whole(result.served),
  milliseconds(result.p50Ms),
  milliseconds(result.p99Ms),
  cores(result.coresPerThousand),
  result.callsPerCore === undefined ? '–' : whole(result.callsPerCore),
  whole(result.atOncePerSecond),
];

const checkHeader = [
  ...['checks', 'calls/s', 'failed', 'reached the service', 'p50', 'p99'],
  ...['service cores per 1,000/s', 'calls/s of one core', 'at once'],
];

const reportRow = (result: ReportResult): string[] => [
  result.name,
  ...[result.sent, result.taken, result.delivered, result.lost, result.perSecond, result.perCore].map(whole),
  byteCount(result.rssBytes),
  byteCount(result.mostRssBytes),
];

const reportHeader = [
  ...['reports', 'sent', 'taken', 'delivered', 'lost', 'bags/s', 'bags/s of one core'],
  ...['RSS before', 'RSS at most'],
];

const titles: Readonly<Record<PairResult['variant'], string>> = {
  plain: 'no policy',
  compiled: 'three compiled rules',
  counted: 'a quota counted in the proxy',
  asked: 'ext_authz call',
  told: 'access-log reports',
};

const times = (value: number): string => `${value.toFixed(3)}×`;

const pairRow = (result: PairResult): string[] => [
  titles[result.variant],
  whole(result.requests),
  whole(result.failures),
  milliseconds(result.p50Ms),
  milliseconds(result.p99Ms),
  ...[result.clientCores, result.serverCores, result.serviceCores].map(cores),
  times(result.ratio.median),
  `${times(result.ratio.least)} – ${times(result.ratio.most)}`,
  whole(result.asked),
  whole(result.reported),
];

const pairHeader = [
  ...['two sidecars with', 'requests', 'failed', 'p50', 'p99'],
  ...['client cores per 1,000/s', 'server', 'policy service', 'proxies ÷ no policy', 'middle half'],
  ...['calls', 'bags'],
];

export const formatPolicy = ({ checks, reports, pairs }: PolicyResult): string =>
  [
    formatTable(checkHeader, checks.map(checkRow)),
    ...(pairs.length === 0 ? [] : [formatTable(pairHeader, pairs.map(pairRow))]),
    formatTable(reportHeader, reports.map(reportRow)),
  ].join('\n\n');
