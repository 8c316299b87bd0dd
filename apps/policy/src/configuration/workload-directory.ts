// Who is who: workloads of the configuration by name and by address.
import type { KnownWorkloadItem } from '@xebec/policy';
import type { WorkloadDirectory } from '../doors/workload-directory.ts';

export interface LiveWorkloads extends WorkloadDirectory {
  replace(workloads: Iterable<KnownWorkloadItem>): void;
}

export function createWorkloads(): LiveWorkloads {
  let byName = new Map<string, KnownWorkloadItem>();
  let byAddress = new Map<string, KnownWorkloadItem>();
  let byAccount = new Map<string, KnownWorkloadItem[]>();
  return {
    byName: (namespace, name) => byName.get(`${namespace}/${name}`),
    byAddress: (ip) => byAddress.get(ip),
    byAccount: (namespace, account) => byAccount.get(`${namespace}/${account}`) ?? [],
    replace(workloads) {
      byName = new Map();
      byAddress = new Map();
      byAccount = new Map();
      for (const workload of workloads) {
        byName.set(`${workload.namespace}/${workload.name}`, workload);
        for (const ip of workload.ips) byAddress.set(ip, workload);
        const account = `${workload.namespace}/${workload.serviceAccount}`;
        const those = byAccount.get(account);
        if (those === undefined) byAccount.set(account, [workload]);
        else those.push(workload);
      }
    },
  };
}
