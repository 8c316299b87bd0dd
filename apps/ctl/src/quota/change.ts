// Gives back, and starts anew.

import { askService } from '../admin/policy-service.ts';
import type { Cli } from '../cli.ts';
import type { QuotaOptions, QuotaReleaseOptions } from '../commands/quota.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { problem, refuse } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';

export async function releaseQuota(
  cli: Cli,
  { quota, amount }: { quota: string; amount: string },
  options: QuotaReleaseOptions,
): Promise<ExitCode> {
  const pairs = (options.attribute ?? []).map((text) => [text, text.indexOf('=')] as const);
  const wrong = pairs.find(([, at]) => at < 1);
  if (wrong !== undefined) {
    return refuse(cli, problem('invalid-attribute', `"${wrong[0]}" is no attribute`, 'write NAME=VALUE'));
  }
  const attributes = Object.fromEntries(pairs.map(([text, at]) => [text.slice(0, at), text.slice(at + 1)]));
  return change(cli, { path: '/quotas/release', body: { quota, amount, attributes } }, options);
}

export const resetQuota = (cli: Cli, quota: string, options: QuotaOptions): Promise<ExitCode> =>
  change(cli, { path: '/quotas/reset', body: { quota } }, options);

async function change(
  cli: Cli,
  asked: { path: string; body: unknown },
  { state, output }: QuotaOptions,
): Promise<ExitCode> {
  const answer = await askService(cli, { ...asked, ...(state === undefined ? {} : { state }) });
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  if (output === 'json') await printStructured(cli, 'json', answer.value);
  else {
    const parts = Object.entries(Object(answer.value)).map(([name, value]) => `${name} ${String(value)}`);
    cli.stdout.write(`${parts.join(', ')}\n`);
  }
  return exitCode.done;
}
