// What doors ask about workloads: which one a proxy or an address is, so that its attributes come from the mesh and not from who calls.

export interface KnownService {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
  /** Ports at the workload that are of this service; empty: all. */
  readonly targetPorts: readonly number[];
}

export interface KnownWorkload {
  /** `kubernetes://NAME.NAMESPACE`. */
  readonly uid: string;
  /** Of the pod or process. */
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ips: readonly string[];
  readonly services: readonly KnownService[];
  /** Of the workload it belongs to, such as a Deployment. */
  readonly workloadName?: string;
  /** `kubernetes://apis/apps/v1/namespaces/NS/deployments/NAME`. */
  readonly owner?: string;
}

/** One workload, or what several have in common: which of them it is is not known then. */
export type SeenWorkload = Omit<KnownWorkload, 'uid' | 'name'> & Partial<Pick<KnownWorkload, 'uid' | 'name'>>;

export interface WorkloadDirectory {
  byName(namespace: string, name: string): KnownWorkload | undefined;
  byAddress(ip: string): KnownWorkload | undefined;
  /** All that run under a service account. */
  byAccount(namespace: string, serviceAccount: string): readonly KnownWorkload[];
}

/** Knows nobody. */
export const noWorkloads: WorkloadDirectory = {
  byName: () => undefined,
  byAddress: () => undefined,
  byAccount: () => [],
};
