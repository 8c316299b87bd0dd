// Starts the network of a mesh: cleans up after a killed run, chooses a subnet, and makes the bridge.
import { mkdir } from 'node:fs/promises';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { CaptureTools } from '../capability/detect.ts';
import { hasConfigurationDirectory } from '../namespaces/client-configuration.ts';
import { type MeshNames, meshNames } from '../namespaces/names.ts';
import { makeBridge, refuseForwarding, routeDestinations, type Subnets } from '../namespaces/network.ts';
import { type CaptureRecord, thisProcess, writeRecord } from '../namespaces/record.ts';
import { removeRecorded, removeStale } from '../namespaces/remove.ts';
import { chooseSubnet, type Subnet, subnet6Of } from '../namespaces/subnet.ts';
import { MeshNetwork } from './mesh-network.ts';

/** Refused while an earlier run in this state directory is alive. */
export async function openMeshNetwork(
  tools: CaptureTools,
  stateDirectory: string,
): Promise<Result<MeshNetwork>> {
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  const cleaned = await removeStale(tools, stateDirectory);
  if (!cleaned.ok) return cleaned;
  const names = meshNames(stateDirectory);
  const record: CaptureRecord = {
    version: 1,
    owner: thisProcess(),
    madeConfigurationDirectory: !hasConfigurationDirectory(),
    hostLink: names.hostLink,
    namespaces: [names.bridgeNamespace],
  };
  const subnet = await makeInFreeSubnet(tools, stateDirectory, { names, record });
  if (!subnet.ok) return subnet;
  return succeed(
    new MeshNetwork({ tools, stateDirectory, names, ...subnetsOf(tools, names, subnet.value) }, record),
  );
}

const subnetsOf = ({ hasIpv6 }: CaptureTools, { seed }: MeshNames, subnet: Subnet): Subnets =>
  hasIpv6 ? { subnet, subnet6: subnet6Of(seed) } : { subnet };

const attempts = 5;

/** Another mesh may choose the same subnet at the same moment; both see it afterwards and choose again. */
async function makeInFreeSubnet(
  tools: CaptureTools,
  stateDirectory: string,
  { names, record }: { readonly names: MeshNames; readonly record: CaptureRecord },
): Promise<Result<Subnet>> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const seed = names.seed + attempt * ((names.seed % 97) + 1);
    const subnet = chooseSubnet(seed, await routeDestinations(tools));
    if (subnet === undefined) break;
    await writeRecord(stateDirectory, record);
    const made = await makeBridge(tools, names, subnetsOf(tools, names, subnet));
    const same = (await routeDestinations(tools)).filter((destination) => destination === subnet.cidr);
    if (made.ok && same.length === 1) {
      await refuseForwarding(names.hostLink);
      return succeed(subnet);
    }
    const removed = await removeRecorded(tools, stateDirectory, record);
    if (!made.ok) return made;
    if (!removed.ok) return removed;
  }
  return fail(noSubnet);
}

const noSubnet: Diagnostic = {
  severity: 'error',
  code: 'no-free-subnet',
  message: 'no subnet of 10.240.0.0/12 is free on this host',
  remedy: 'remove routes into 10.240.0.0/12 ("ip route"), or use explicit capture (--capture explicit)',
};
