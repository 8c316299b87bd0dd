// Which hosts a name in a query may mean; names of the cluster never leave the machine.

/** Hosts to look up, most likely first: the name itself, then the Kubernetes short forms of it. */
export function candidateHosts(name: string, namespace: string, clusterDomain: string): string[] {
  if (name.startsWith('_')) return serviceCandidates(name, namespace, clusterDomain);
  const labels = name.split('.');
  if (labels.length === 1) return [name, `${name}.${namespace}.svc.${clusterDomain}`];
  // A service of another namespace, or a member of a headless service of one's own.
  if (labels.length === 2)
    return [name, `${name}.svc.${clusterDomain}`, `${name}.${namespace}.svc.${clusterDomain}`];
  if (labels.length === 3 && labels[2] === 'svc') return [name, `${name}.${clusterDomain}`];
  return [name];
}

/** `_http._tcp.reviews`: the service's name after the port's. */
function serviceCandidates(name: string, namespace: string, clusterDomain: string): string[] {
  const [port = '', transport = '', ...service] = name.split('.');
  const hosts = service.length === 0 ? [] : candidateHosts(service.join('.'), namespace, clusterDomain);
  return hosts.map((host) => `${port}.${transport}.${host}`);
}

/** True for names that only this mesh can know: of the cluster's domain, or without a domain. */
export function isLocalName(name: string, clusterDomain: string): boolean {
  return !name.includes('.') || name.endsWith('.svc') || `.${name}`.endsWith(`.${clusterDomain}`);
}
