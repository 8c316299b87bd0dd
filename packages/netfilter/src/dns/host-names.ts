// Which hosts a name in a query may mean; names of the cluster never leave the machine.

/** Hosts to look up, most likely first: the name itself, then the Kubernetes short forms of it. */
export function candidateHosts(name: string, namespace: string, clusterDomain: string): string[] {
  const labels = name.split('.');
  if (labels.length === 1) return [name, `${name}.${namespace}.svc.${clusterDomain}`];
  if (labels.length === 2) return [name, `${name}.svc.${clusterDomain}`];
  if (labels.length === 3 && labels[2] === 'svc') return [name, `${name}.${clusterDomain}`];
  return [name];
}

/** True for names that only this mesh can know: of the cluster's domain, or without a domain. */
export function isLocalName(name: string, clusterDomain: string): boolean {
  return !name.includes('.') || name.endsWith('.svc') || `.${name}`.endsWith(`.${clusterDomain}`);
}
