// Where workloads in namespaces reach the machine that they run on.
import { networkInterfaces } from 'node:os';
import { meshNames } from './names.ts';

/** The host's address in the network of a mesh; undefined where its workloads have no network of their own (yet). */
export function hostAddressOf(stateDirectory: string): string | undefined {
  const addresses = networkInterfaces()[meshNames(stateDirectory).hostLink] ?? [];
  return addresses.find(({ family, netmask }) => family === 'IPv4' && netmask !== '255.255.255.255')?.address;
}
