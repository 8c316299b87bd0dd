// Shows what is used of quotas.

import { askService } from '../admin/policy-service.ts';
import type { Cli } from '../cli.ts';
import type { QuotaOptions } from '../commands/quota.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';
import { inOneLine } from '../output/printable.ts';
import { printStructured } from '../output/structured.ts';
import { formatTable } from '../output/table.ts';

/** As the policy service writes it; amounts are digits. */
interface Usage {
  readonly quota: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly kind: string;
  readonly limit: string;
  readonly used: string;
  readonly remaining: string;
  readonly resetMs: number;
  readonly consumers?: readonly {
    readonly consumer: string;
    readonly used: string;
    readonly share: string;
  }[];
}

async function usages(cli: Cli, quota: string, { state }: QuotaOptions) {
  const path = `/quotas?quota=${encodeURIComponent(quota)}`;
  const answer = await askService(cli, { path, ...(state === undefined ? {} : { state }) });
  // Our own service of the same version.
  return answer.ok ? { ...answer, value: (answer.value as { quotas: readonly Usage[] }).quotas } : answer;
}

export async function listQuotas(cli: Cli, options: QuotaOptions): Promise<ExitCode> {
  const answer = await usages(cli, '', options);
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  const byQuota = new Map<string, Usage[]>();
  for (const one of answer.value) byQuota.set(one.quota, [...(byQuota.get(one.quota) ?? []), one]);
  const quotas = [...byQuota].map(([quota, counters]) => ({
    quota,
    kind: counters[0]?.kind ?? '',
    counters: counters.length,
    used: String(counters.reduce((sum, { used }) => sum + BigInt(used), 0n)),
  }));
  if (options.output === 'json') await printStructured(cli, 'json', quotas);
  else if (quotas.length === 0) cli.stdout.write('No quota has been asked for.\n');
  else {
    const rows = quotas.map((one) => [inOneLine(one.quota), one.kind, `${one.counters}`, one.used]);
    cli.stdout.write(formatTable(['QUOTA', 'KIND', 'COUNTERS', 'USED'], rows));
  }
  return exitCode.done;
}

export async function showUsage(
  cli: Cli,
  { quota, withConsumers }: { quota: string; withConsumers: boolean },
  options: QuotaOptions,
): Promise<ExitCode> {
  const answer = await usages(cli, quota, options);
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  if (options.output === 'json') {
    await printStructured(cli, 'json', answer.value);
    return exitCode.done;
  }
  if (answer.value.length === 0) {
    cli.stdout.write('Nothing is used.\n');
    return exitCode.done;
  }
  const rows = answer.value.flatMap((one) => [rowOf(one), ...(withConsumers ? consumerRows(one) : [])]);
  cli.stdout.write(formatTable(['QUOTA', 'OF', 'USED', 'LIMIT', 'LEFT', 'WHOLE IN'], rows));
  return exitCode.done;
}

const rowOf = ({ quota, dimensions, used, limit, remaining, resetMs }: Usage): string[] => [
  inOneLine(quota),
  inOneLine(
    Object.entries(dimensions)
      .map(([name, value]) => `${name}=${value}`)
      .join(' '),
  ),
  used,
  limit,
  remaining,
  `${Math.ceil(resetMs / 1_000)}s`,
];

const consumerRows = ({ consumers = [] }: Usage): string[][] =>
  consumers.map(({ consumer, used, share }) => ['', `- ${inOneLine(consumer)}`, used, share, '', '']);
