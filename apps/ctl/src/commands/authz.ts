// xebec authz: what policies say to a call, without making it.
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  fileOption,
  namespaceOption,
  outputOption,
  portArgument,
  stateOption,
} from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface AuthzCheckOptions extends AskedMeshOptions {
  readonly from?: string;
  readonly to: string;
  readonly port?: number;
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly header?: readonly (readonly [string, string])[];
  readonly ip?: string;
  readonly sni?: string;
  readonly jwt?: string;
}

export interface AuthzListOptions extends AskedMeshOptions {
  readonly to: string;
}

export interface AuthzDryRunOptions {
  readonly workload?: string;
  readonly output: 'table' | 'json';
  readonly state?: string;
}

export interface AskedMeshOptions {
  readonly filename?: readonly string[];
  readonly at?: number | 'live';
  readonly namespace: string;
  readonly output: 'table' | 'json';
  readonly state?: string;
}

export const defineAuthz: DefineCommand = (cli, finish) => {
  const authz = newCommand('authz', 'ask what authorization policies say to a call');
  const check = authz
    .command('check')
    .description('may this client do this there? Answers with the policy, the rule and its place in a file')
    .addHelpText(
      'after',
      `
What is not said is not known: where a policy depends on it, the answer is no, and says what is missing.
Exit code 0: allowed, 1: denied, 2: no answer.

Examples:
  xebec authz check --from productpage-v1 --to reviews --method GET --path /reviews/1
  xebec authz check --from spiffe://cluster.local/ns/default/sa/sleep --to ratings -f policies.yaml -f samples/bookinfo
  xebec authz check --to reviews --path /reviews/1 --at 12 -o json`,
    )
    .option(
      '--from <identity|workload>',
      'a SPIFFE id, or NAME[.NAMESPACE] of a workload (default: nobody, in clear text)',
    )
    .requiredOption('--to <service|workload>', 'NAME[.NAMESPACE] of a service or a workload, or a host')
    .option('--port <port>', 'of a service its port, of a workload the one that it listens on', portArgument)
    .option('--method <method>', 'GET, POST …')
    .option('--path <path>', 'as the client sends it, of gRPC /PACKAGE.SERVICE/METHOD')
    .option('--host <host>', 'the host of the request')
    .option('--header <name=value>', 'a header of the request; may be repeated', headerArgument)
    .option('--ip <address>', "the client's address")
    .option('--sni <name>', "the server name of the client's TLS")
    .option('--jwt <file>', "a file with the end user's token");
  withMesh(check).action(async (options: AuthzCheckOptions) => {
    const { authzCheck } = await import('../authz/check.ts');
    finish(await authzCheck(cli, options));
  });
  const list = authz
    .command('list')
    .description('which policies hold at a service or a workload')
    .requiredOption('--to <service|workload>', 'NAME[.NAMESPACE] of a service or a workload, or a host');
  withMesh(list).action(async (options: AuthzListOptions) => {
    const { authzList } = await import('../authz/list.ts');
    finish(await authzList(cli, options));
  });
  authz.addCommand(defineDryRun(cli, finish));
  return authz;
};

const defineDryRun: DefineCommand = (cli, finish) =>
  newCommand('dry-run', 'what policies that are only tried would have decided so far', [
    'xebec authz dry-run',
    'xebec authz dry-run reviews-v1 -o json',
  ])
    .argument('[workload]', 'pod, POD.NAMESPACE, deployment, or the unique beginning of one (default: all)')
    .addOption(outputOption('table', 'json'))
    .addOption(stateOption())
    .action(async (workload: string | undefined, options: AuthzDryRunOptions) => {
      const { authzDryRun } = await import('../authz/dry-run.ts');
      finish(await authzDryRun(cli, { ...options, ...(workload === undefined ? {} : { workload }) }));
    });

/** Which mesh is asked, and how the answer is shown. */
const withMesh = (command: Command): Command =>
  command
    .addOption(fileOption().default(undefined, 'the mesh that runs'))
    .addOption(
      new Option(
        '--at <revision>',
        'the mesh as it was after a revision, or "live"; with -f, those documents over it',
      ).argParser(revisionArgument),
    )
    .addOption(namespaceOption())
    .addOption(outputOption('table', 'json'))
    .addOption(stateOption());

type Headers = readonly (readonly [string, string])[];

function headerArgument(text: string, previous: Headers | undefined): Headers {
  const [, name, value] = /^([^=\s]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('write NAME=VALUE.');
  return [...(previous ?? []), [name, value]];
}

function revisionArgument(text: string): number | 'live' {
  if (text === 'live') return text;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('write the number of a revision ("xebec history" lists them), or live.');
}
