// The policies that hold at workloads, as programs read them.
import type { HeldPolicies } from '@xebec/mesh';
import type { ObjectKey } from '@xebec/model';
import { type Locate, placeOf } from './answers.ts';

export interface ShownPolicies {
  readonly workload: ObjectKey;
  /** False: it has no proxy. */
  readonly isEnforced: boolean;
  readonly mutualTls: string;
  readonly policies: readonly {
    readonly policy: ObjectKey;
    readonly action: string;
    /** It is only tried. */
    readonly isDryRun?: true;
    readonly rules: number;
    readonly origin: string;
  }[];
}

export const shownPolicies = (held: readonly HeldPolicies[], locate: Locate): readonly ShownPolicies[] =>
  held.map(({ workload, isEnforced, peer, policies }) => ({
    workload: workload.object,
    isEnforced,
    mutualTls: peer.mode,
    policies: policies.map(({ object, action, isDryRun, rules }) => ({
      policy: object,
      action,
      ...(isDryRun === undefined ? {} : { isDryRun }),
      rules: rules.length,
      origin: placeOf({ object }, locate),
    })),
  }));
