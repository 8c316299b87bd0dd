// xebec quota: what quotas are used, giving back, and starting anew.
import { InvalidArgumentError } from 'commander';
import { outputOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface QuotaOptions {
  readonly output: 'table' | 'json';
  readonly state?: string;
}

export interface QuotaReleaseOptions extends QuotaOptions {
  readonly attribute?: readonly string[];
}

function amountArgument(text: string): string {
  if (/^[1-9]\d{0,18}$/.test(text)) return text;
  throw new InvalidArgumentError('write a whole number above 0.');
}

const examples = [
  'xebec quota list',
  'xebec quota usage ml/cpu-seconds',
  'xebec quota release cpu-seconds 60 --attribute source.namespace=ml',
  'xebec quota reset ml/cpu-seconds',
];

const quotaName = 'NAMESPACE/NAME of a QuotaPool, or HANDLER/INSTANCE as `xebec quota list` shows it';

export const defineQuota: DefineCommand = (cli, finish) => {
  const quota = newCommand('quota', 'what is used of quotas, and what is left', examples);
  const output = () => outputOption('table', 'json');
  quota
    .command('list')
    .description('quotas that were asked for, all their counters together')
    .addOption(output())
    .addOption(stateOption())
    .action(async (options: QuotaOptions) => {
      const { listQuotas } = await import('../quota/list.ts');
      finish(await listQuotas(cli, options));
    });
  for (const name of ['usage', 'get'] as const) {
    quota
      .command(name)
      .description(
        name === 'usage' ? 'each counter by itself' : 'counters of one quota, with those who share it',
      )
      .argument(name === 'usage' ? '[quota]' : '<quota>', quotaName)
      .addOption(output())
      .addOption(stateOption())
      .action(async (asked: string | undefined, options: QuotaOptions) => {
        const { showUsage } = await import('../quota/list.ts');
        finish(await showUsage(cli, { quota: asked ?? '', withConsumers: name === 'get' }, options));
      });
  }
  quota
    .command('release')
    .description('give back what was taken')
    .argument('<quota>', 'name of the instance, as programs ask for it')
    .argument('<amount>', 'units', amountArgument)
    .option(
      '--attribute <name=value>',
      'an attribute that says whose it is; may be repeated',
      (value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value],
    )
    .addOption(output())
    .addOption(stateOption())
    .action(async (asked: string, amount: string, options: QuotaReleaseOptions) => {
      const { releaseQuota } = await import('../quota/change.ts');
      finish(await releaseQuota(cli, { quota: asked, amount }, options));
    });
  quota
    .command('reset')
    .description('forget what was used, of all its counters')
    .argument('<quota>', quotaName)
    .addOption(output())
    .addOption(stateOption())
    .action(async (asked: string, options: QuotaOptions) => {
      const { resetQuota } = await import('../quota/change.ts');
      finish(await resetQuota(cli, asked, options));
    });
  return quota;
};
