// One Envoy's configuration: the part that was asked for, as a table or as Envoy's own JSON.
import { type Result, succeed } from '@xebec/std';
import { at, objectsOf, textOf } from '../admin/json.ts';
import type { Cli } from '../cli.ts';
import type { ProxyConfigOptions, ProxyConfigPart } from '../commands/proxy-config.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { askEnvoy } from './envoy-admin.ts';
import { extensionTable } from './extension-table.ts';
import { findRunningPod } from './find-pod.ts';
import { clusterTable, endpointTable, listenerTable, routeTable, secretTable } from './tables.ts';

export interface ProxyConfigRequest extends ProxyConfigOptions {
  readonly part: ProxyConfigPart;
  readonly workload: string;
}

export async function proxyConfig(cli: Cli, request: ProxyConfigRequest): Promise<ExitCode> {
  const state = stateDirectory(cli, request.state);
  const pod = await findRunningPod(state, request.workload);
  if (!pod.ok) return refuse(cli, ...pod.diagnostics);
  const read = await readPart(state, pod.value.pod, request.part);
  if (!read.ok) return refuse(cli, ...read.diagnostics);
  const { value } = read;
  if (request.output !== 'table') {
    await printStructured(cli, request.output, value);
    return exitCode.done;
  }
  await printPart(cli, request.part, value);
  return exitCode.done;
}

/** The end of the type of each part's dump. */
const dumpTypes: Readonly<Record<Exclude<ProxyConfigPart, 'all' | 'endpoint'>, string>> = {
  bootstrap: '.BootstrapConfigDump',
  cluster: '.ClustersConfigDump',
  ecds: '.EcdsConfigDump',
  listener: '.ListenersConfigDump',
  route: '.RoutesConfigDump',
  secret: '.SecretsConfigDump',
};

async function readPart(state: string, pod: string, part: ProxyConfigPart): Promise<Result<unknown>> {
  if (part === 'endpoint') return await askEnvoy(state, pod, '/clusters?format=json');
  const dump = await askEnvoy(state, pod, '/config_dump?include_eds');
  if (!dump.ok || part === 'all') return dump;
  const suffix = dumpTypes[part];
  const found = objectsOf(at(dump.value, 'configs')).filter((config) =>
    textOf(config['@type']).endsWith(suffix),
  );
  return succeed(found[0] ?? {});
}

async function printPart(cli: Cli, part: ProxyConfigPart, value: unknown): Promise<void> {
  switch (part) {
    case 'all':
      for (const [name, config] of Object.entries(dumpTypes)) {
        const found = objectsOf(at(value, 'configs')).find((each) => textOf(each['@type']).endsWith(config));
        if (name === 'bootstrap' || found === undefined) continue;
        cli.stdout.write(`# ${name}\n${tables[name]?.(found) ?? ''}\n`);
      }
      return;
    case 'bootstrap':
      await printStructured(cli, 'yaml', at(value, 'bootstrap') ?? value);
      return;
    default:
      cli.stdout.write(tables[part]?.(value) ?? '');
  }
}

const tables: Readonly<Record<string, (value: unknown) => string>> = {
  cluster: clusterTable,
  ecds: extensionTable,
  endpoint: endpointTable,
  listener: listenerTable,
  route: routeTable,
  secret: secretTable,
};
