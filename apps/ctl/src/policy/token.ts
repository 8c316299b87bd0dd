// Asks the policy service for a token of a program.
import { askService } from '../admin/policy-service.ts';
import type { Cli } from '../cli.ts';
import type { PolicyTokenOptions } from '../commands/policy-token.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';

export async function printToken(
  cli: Cli,
  serviceAccount: string,
  { namespace, ttl: ttlMs, state }: PolicyTokenOptions,
): Promise<ExitCode> {
  const answer = await askService(cli, {
    ...{ path: '/tokens', body: { namespace, serviceAccount, ttlMs } },
    ...(state === undefined ? {} : { state }),
  });
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  cli.stdout.write(`${String(Reflect.get(Object(answer.value), 'token'))}\n`);
  return exitCode.done;
}
