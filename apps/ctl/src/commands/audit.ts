// xebec audit: who called and who changed what; and whether the log of it is as it was written.
import { InvalidArgumentError, Option } from 'commander';
import { durationArgument, outputOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';
import { revisionArgument } from './history.ts';

export interface AuditVerifyOptions {
  readonly output: 'table' | 'json';
  readonly state?: string;
  readonly roots?: string;
}

export interface AuditQueryOptions {
  readonly output: 'table' | 'json';
  readonly state?: string;
  /** Milliseconds since the epoch. */
  readonly from?: number;
  readonly to?: number;
  /** Milliseconds before now. */
  readonly since?: number;
  readonly kind?: string;
  readonly decision?: 'allowed' | 'denied';
  readonly principal?: string;
  readonly user?: string;
  readonly workload?: string;
  readonly policy?: string;
  readonly request?: string;
  readonly limit?: number;
}

function timeArgument(text: string): number {
  const time = Date.parse(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(time)) return time;
  throw new InvalidArgumentError('write a time such as 2030-01-31T15:00:00Z.');
}

export const defineAudit: DefineCommand = (cli, finish) => {
  const audit = newCommand('audit', 'who called what and who changed what, in a log that shows tampering');
  audit
    .command('query')
    .description('list audit records, oldest first')
    .argument('[paths...]', 'files or directories of audit logs (default: those of the mesh)')
    .option('--from <time>', 'not before this time', timeArgument)
    .option('--to <time>', 'not after this time', timeArgument)
    .option('--since <duration>', 'not older than this, such as 10m', durationArgument)
    .addOption(
      new Option('--kind <kind>', 'calls, changes of configuration, or certificates').choices([
        'call',
        'change',
        'certificate',
      ]),
    )
    .addOption(new Option('--decision <decision>', 'what was decided').choices(['allowed', 'denied']))
    .option('--principal <identity>', 'SPIFFE id of the caller, or its end: ns/shop/sa/cart')
    .option('--user <subject>', "the end user: a token's subject")
    .option('--workload <name>', 'who was called: NAME or NAME.NAMESPACE')
    .option('--policy <name>', 'decided or marked by this policy: NAME or NAME.NAMESPACE')
    .option('--request <id>', 'the request with this x-request-id')
    .option('-l, --limit <count>', 'only the newest', revisionArgument)
    .addOption(outputOption('table', 'json'))
    .addOption(stateOption())
    .addHelpText(
      'after',
      `
Examples:
  xebec audit query --decision denied --since 1h
  xebec audit query --principal ns/default/sa/productpage --workload reviews-v2 -o json
  xebec audit query --kind change --from 2030-01-31T15:00:00Z`,
    )
    .action(async (paths: readonly string[], options: AuditQueryOptions) => {
      const { auditQuery } = await import('../audit/query.ts');
      finish(await auditQuery(cli, paths, options));
    });
  audit
    .command('verify')
    .description('find out whether records were removed, changed, moved or cut off')
    .argument('[paths...]', 'files or directories of audit logs (default: those of the mesh)')
    .option(
      '--roots <file>',
      'root certificates that signatures must come from (default: those of the state directory, if there are any)',
    )
    .addOption(outputOption('table', 'json'))
    .addOption(stateOption())
    .addHelpText(
      'after',
      `
Exit code 0: the logs are as they were written, 1: they are not; the records are named.

Examples:
  xebec audit verify
  xebec audit verify ./copy-of-the-logs -o json`,
    )
    .action(async (paths: readonly string[], options: AuditVerifyOptions) => {
      const { auditVerify } = await import('../audit/verify.ts');
      finish(await auditVerify(cli, paths, options));
    });
  return audit;
};
