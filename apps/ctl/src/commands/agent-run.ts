// xebec agent run -- COMMAND: one program of this machine as a workload of the mesh, for as long as it runs.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { stateOption } from '../options/shared-options.ts';
import type { Finish } from './command.ts';

export interface ProgramPort {
  readonly port: number;
  readonly transport: 'TCP' | 'UDP';
}

export interface AgentRunFlags {
  readonly state?: string;
  readonly name?: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly annotation?: Readonly<Record<string, string>>;
  readonly port?: readonly ProgramPort[];
  readonly capture: 'auto' | 'explicit' | 'transparent';
  readonly discovery: 'on-demand' | 'eager';
  readonly envoy?: string;
  readonly workloadGroup?: string;
}

function programPort(text: string, previous: readonly ProgramPort[] = []): readonly ProgramPort[] {
  const [, port, transport = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/i.exec(text) ?? [];
  if (port === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw new InvalidArgumentError('write PORT, PORT/tcp or PORT/udp.');
  return [...previous, { port: Number(port), transport: transport.toLowerCase() === 'udp' ? 'UDP' : 'TCP' }];
}

function keyAndValue(
  text: string,
  previous: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('write KEY=VALUE.');
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) };
}

const examples = `
The program starts once its proxy is ready, and its proxy ends with it; the exit code is the program's.

Examples:
  xebec agent run --name shop --port 8080 -- node shop.mjs
  xebec agent run --name report -- ./report --once
  xebec agent run --workload-group bookinfo/ratings-vm -- node ratings.mjs`;

export function defineAgentRun(agent: Command, cli: Cli, finish: Finish): void {
  agent
    .command('run')
    .description('run one program as a workload of a running mesh')
    .argument('<command...>', 'the program and its arguments, after --')
    .addOption(stateOption())
    .option('--name <name>', "name of the workload (default: the program's)")
    .option('-n, --namespace <name>', 'namespace', 'default')
    .option('--service-account <name>', 'its identity', 'default')
    .option(
      '--workload-group <namespace/name>',
      'join this WorkloadGroup: namespace, identity, labels, ports and probe are those of the group',
    )
    .addOption(
      new Option('-l, --label <key=value>', 'label; may be repeated (default: app=NAME)').argParser(
        keyAndValue,
      ),
    )
    .addOption(new Option('--annotation <key=value>', 'annotation; may be repeated').argParser(keyAndValue))
    .addOption(new Option('-p, --port <port>', 'port it listens on; may be repeated').argParser(programPort))
    .addOption(
      new Option('--capture <mode>', 'how traffic gets into the proxy')
        .choices(['auto', 'explicit', 'transparent'])
        .default('auto'),
    )
    .addOption(
      new Option('--discovery <mode>', 'whether the sidecar gets what it uses, or everything')
        .choices(['on-demand', 'eager'])
        .default('on-demand'),
    )
    .option('--envoy <path>', 'Envoy binary to use')
    .addHelpText('after', examples)
    .action(async (command: readonly string[], flags: AgentRunFlags) => {
      const { runProgramInMesh } = await import('../parts/run-program.ts');
      finish(await runProgramInMesh(cli, command, { ...agent.opts<AgentRunFlags>(), ...flags }));
    });
}
