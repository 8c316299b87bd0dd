// The policy services that follow: who may, what each has in force, and what each finds wrong with objects.
import type { IdentifiedStreamOptions, Identity } from '@xebec/ca';
import type { ObjectKey } from '@xebec/model';
import { CONFIGURATION_PATH, type FollowerReport, type ReportedProblem, readReport } from '@xebec/policy';
import type { Store } from '@xebec/store';
import {
  type ConfigurationSources,
  type FollowedConfiguration,
  followConfiguration,
} from './followed-configuration.ts';
import { Follower } from './follower.ts';

/** The service account of policy services, in the root namespace. */
export const policyAccount = 'xebec-policy';

export interface PolicyServicesOptions extends ConfigurationSources {
  readonly store: Store;
  readonly rootNamespace: () => string;
  readonly clock: () => number;
  /** Where policy services are has changed. */
  readonly onAddresses: (addresses: readonly string[]) => void;
}

export interface PolicyServiceStatus {
  readonly node: string;
  readonly address: string;
  readonly peer: string;
  /** RFC 3339. */
  readonly since: string;
  /** Sent, and in force. */
  readonly sent: number;
  readonly revision: number;
  readonly problems: readonly ReportedProblem[];
}

export interface PolicyServices extends Disposable {
  readonly stream: Pick<IdentifiedStreamOptions, 'path' | 'open'>;
  statuses(): readonly PolicyServiceStatus[];
  /** Of an object, by any policy service; each once. */
  problems(key: ObjectKey): readonly ReportedProblem[];
  /** Objects that have problems. */
  unwell(): readonly ObjectKey[];
}

export function createPolicyServices(options: PolicyServicesOptions): PolicyServices {
  const followers = new Set<Follower>();
  let configuration: FollowedConfiguration | undefined;
  const follow = (): FollowedConfiguration => {
    configuration ??= followConfiguration(options, (keys) => {
      for (const follower of followers) follower.changed(keys);
    });
    return configuration;
  };
  const leave = (follower: Follower): void => {
    followers.delete(follower);
    options.onAddresses(addressesOf(followers));
    if (followers.size > 0) return;
    configuration?.[Symbol.dispose]();
    configuration = undefined;
  };
  const state = { revision: () => options.store.latest, rootNamespace: options.rootNamespace };
  return {
    stream: {
      path: CONFIGURATION_PATH,
      open(stream) {
        if (!mayFollow(stream.identity, options.rootNamespace())) return undefined;
        const follower = new Follower(stream, { ...state, configuration: follow() }, options.clock());
        followers.add(follower);
        return {
          received(fields) {
            const report = readReport(fields);
            if (report === undefined) stream.refuse('not a report of a policy service');
            else take(follower, report, () => options.onAddresses(addressesOf(followers)));
          },
          drained: () => follower.drained(),
          closed: () => leave(follower),
        };
      },
    },
    statuses: () => [...followers].flatMap(statusOf),
    problems: (key) => problemsOf(followers).get(key) ?? [],
    unwell: () => [...problemsOf(followers).keys()],
    [Symbol.dispose]: () => configuration?.[Symbol.dispose](),
  };
}

const mayFollow = ({ namespace, serviceAccount }: Identity, rootNamespace: string): boolean =>
  namespace === rootNamespace && serviceAccount === policyAccount;

function take(follower: Follower, report: FollowerReport, onAddress: () => void): void {
  const before = follower.report?.address ?? '';
  follower.report = report;
  if (before !== report.address) onAddress();
}

const addressesOf = (followers: Iterable<Follower>): readonly string[] =>
  [...new Set([...followers].map(({ report }) => report?.address ?? ''))]
    .filter((each) => each !== '')
    .sort();

function statusOf(follower: Follower): readonly PolicyServiceStatus[] {
  const { report, peer, connectedAtMs, sentRevision } = follower;
  if (report === undefined) return [];
  const since = new Date(connectedAtMs).toISOString();
  return [{ ...report, peer, since, sent: sentRevision }];
}

const isKey = (text: string): text is ObjectKey => text.split('/').length === 3;

function problemsOf(followers: Iterable<Follower>): ReadonlyMap<ObjectKey, readonly ReportedProblem[]> {
  const found = new Map<ObjectKey, ReportedProblem[]>();
  for (const { report } of followers)
    for (const problem of report?.problems ?? []) {
      if (!isKey(problem.object)) continue;
      const known = found.get(problem.object) ?? [];
      if (!known.some(({ code, field, message }) => isSame({ code, field, message }, problem)))
        known.push(problem);
      found.set(problem.object, known);
    }
  return found;
}

const isSame = (
  left: Pick<ReportedProblem, 'code' | 'field' | 'message'>,
  { code, field, message }: ReportedProblem,
): boolean => left.code === code && left.field === field && left.message === message;
