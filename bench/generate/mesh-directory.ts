// A directory of YAML that any server can read. The rule: a file is changed by rename only, so no reader sees half of one.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nowMs } from '../measure/clock.ts';
import { documentsOf, meshPolicy, type ServiceState } from './manifests.ts';
import {
  changedAddress,
  endpointAddress,
  endpointsPerService,
  namespaceCount,
  namespaceOf,
  shortNameOf,
} from './naming.ts';

export type FileLayout = 'namespace' | 'service';

/** Real servers behind some services, for real Envoys. */
export interface Backing {
  readonly services: ReadonlySet<number>;
  readonly addresses: readonly string[];
  readonly port: number;
}

export interface MeshDirectoryOptions {
  readonly directory: string;
  readonly services: number;
  /** One file per namespace, or one per service. */
  readonly layout: FileLayout;
  readonly backing?: Backing;
}

export interface MeshDirectory {
  readonly directory: string;
  /** Number of services now. */
  readonly size: () => number;
  /** Each change answers with the time of the rename, on the clock that all processes share. */
  changeEndpoint(service: number): { readonly atMs: number; readonly address: string };
  changeWeight(service: number, weight: number): number;
  addService(): { readonly atMs: number; readonly service: number };
  setPolicy(mode: 'PERMISSIVE' | 'STRICT'): number;
}

export function writeMesh(options: MeshDirectoryOptions): MeshDirectory {
  const { directory, backing } = options;
  const states: ServiceState[] = [];
  const texts: string[] = [];
  let changes = 0;
  // Beside the directory, not in it: no server sees a draft.
  const drafts = `${directory}.drafts`;
  for (const each of [directory, drafts]) mkdirSync(each, { recursive: true });
  for (let service = 0; service < options.services; service++) put(initialState(service, backing));
  if (options.layout === 'service') states.forEach(({ service }) => void save(service));
  else for (let first = 0; first < Math.min(namespaceCount, states.length); first++) save(first);
  replace('istio-system', meshPolicy('PERMISSIVE'));

  return {
    directory,
    size: () => states.length,
    changeEndpoint(service) {
      const state = stateOf(service);
      const address = changedAddress(changes++);
      put({ ...state, addresses: [address, ...state.addresses.slice(1)] });
      return { atMs: save(service), address };
    },
    changeWeight(service, weight) {
      put({ ...stateOf(service), weight });
      return save(service);
    },
    addService() {
      const service = states.length;
      put(initialState(service, backing));
      return { atMs: save(service), service };
    },
    setPolicy: (mode) => replace('istio-system', meshPolicy(mode)),
  };

  function stateOf(service: number): ServiceState {
    const state = states[service];
    if (state === undefined) throw new Error(`there is no service ${service}`);
    return state;
  }

  function put(state: ServiceState): void {
    states[state.service] = state;
    texts[state.service] = documentsOf(state);
  }

  /** Saves the file that holds a service. */
  function save(service: number): number {
    if (options.layout === 'service') return replace(shortNameOf(service), texts[service] ?? '');
    const members: string[] = [];
    for (let each = service % namespaceCount; each < texts.length; each += namespaceCount)
      members.push(texts[each] ?? '');
    return replace(namespaceOf(service), members.join('\n---\n'));
  }

  function replace(name: string, text: string): number {
    const path = join(directory, `${name}.yaml`);
    const draft = join(drafts, name);
    writeFileSync(draft, `${text}\n`);
    const atMs = nowMs();
    renameSync(draft, path);
    return atMs;
  }
}

function initialState(service: number, backing: Backing | undefined): ServiceState {
  if (backing?.services.has(service))
    return { service, addresses: backing.addresses, weight: 10, targetPort: backing.port };
  const addresses = Array.from({ length: endpointsPerService }, (_, i) => endpointAddress(service, i));
  return { service, addresses, weight: 10 };
}
