// What can be asked about policies, and what is answered.
import type { Cause, ObjectKey } from '@xebec/model';
import type { MeshCollections } from '../inputs.ts';
import type { MeshSettings } from '../settings.ts';
import type { Truth } from './call.ts';
import type { Claims } from './claims.ts';
import type { RulePart } from './rules.ts';

/** May this client do this there? What is left out is not known. */
export interface AuthorizationQuestion {
  /** A SPIFFE id, or a workload: its Pod, Deployment or WorkloadEntry, `NAME` or `NAME.NAMESPACE`. Absent: nobody. */
  readonly from?: string;
  /** A service or a workload, `NAME` or `NAME.NAMESPACE`, or a host. */
  readonly to: string;
  /** Of a service its port, of a workload the one that it listens on. */
  readonly port?: number;
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  /** In the order in which they are sent. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** The client's address. */
  readonly ip?: string;
  /** The server name of the client's TLS. */
  readonly sni?: string;
  /** The end user's token. */
  readonly jwt?: string;
  /** What a token says that is taken to be signed; instead of one. */
  readonly claims?: Claims;
}

export interface CheckScene {
  readonly mesh: Pick<MeshCollections, 'services' | 'workloads' | 'acceptances'>;
  readonly settings: MeshSettings;
  /** For names without one. */
  readonly defaultNamespace: string;
  /** Workloads run; otherwise their addresses are made up. */
  readonly isRunning: boolean;
  /** Whether a token is signed with a key of a set; absent: signatures are taken to be right. */
  readonly isSigned?: (token: string, keySet: string) => boolean;
  /** Absent: now. */
  readonly nowMs?: number;
}

/** Why it is so, when no rule says it. */
export type AnswerReason =
  /** A rule matches. */
  | 'rule'
  /** No policy holds at the workload, or none that allows and none that denies matches. */
  | 'no-policy'
  /** Some policies allow, and none of them matches. */
  | 'nothing-allows'
  /** It depends on what the question does not say: refused until it does. */
  | 'undecided'
  /** The workload takes mutual TLS only, and the client has no identity. */
  | 'mutual-tls-required'
  /** The client's identity is of no trust domain that the workload believes. */
  | 'foreign-identity'
  /** The proxy would answer 401: no rule accepts the end user's token. */
  | 'bad-token'
  /** The proxy would answer 400. */
  | 'bad-request'
  /** Datagrams in the clear say nothing about who sent them. */
  | 'unproven-datagram'
  /** The workload has no proxy: no policy is enforced there. */
  | 'not-enforced';

export interface ConsideredRule {
  readonly rule: number;
  readonly matches: Truth;
  readonly failed?: RulePart;
  readonly unknown: readonly string[];
  readonly cause: Cause;
}

export interface ConsideredPolicy {
  readonly policy: ObjectKey;
  readonly action: string;
  /** It is only tried: it decides nothing. */
  readonly isDryRun?: true;
  readonly matches: Truth;
  readonly rules: readonly ConsideredRule[];
}

/** The answer of one workload. */
export interface WorkloadAnswer {
  readonly workload: ObjectKey;
  /** `CUSTOM`: a provider is asked, and nothing else refuses the call. */
  readonly decision: 'ALLOW' | 'DENY' | 'CUSTOM';
  readonly reason: AnswerReason;
  /** The object that decides, where one does. */
  readonly policy?: ObjectKey;
  readonly rule?: number;
  readonly cause?: Cause;
  /** Whom the policy asks, or would ask if it could. */
  readonly provider?: string;
  /** Why it cannot be asked, where it cannot. */
  readonly providerProblem?: string;
  /** What the question would have to say, in the words of policies. */
  readonly unknown: readonly string[];
  readonly considered: readonly ConsideredPolicy[];
}

export interface AuthorizationAnswer extends WorkloadAnswer {
  /** What policies compared, as far as it differs from what was asked. */
  readonly notes: readonly string[];
  /** Every workload that may answer. They are all asked: one that denies denies. */
  readonly workloads: readonly WorkloadAnswer[];
}
