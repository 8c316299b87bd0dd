// What rules of the running policy service did.
import { at, objectsOf, textOf } from '../admin/json.ts';
import { askService } from '../admin/policy-service.ts';
import type { Cli } from '../cli.ts';
import type { PolicyInspectOptions } from '../commands/policy-inspect.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';
import { inOneLine } from '../output/printable.ts';
import { printStructured } from '../output/structured.ts';
import { formatTable } from '../output/table.ts';
import { ruleOrigins } from './rule-origins.ts';

const headings = ['RULE', 'MATCHED', 'REFUSED', 'FAILED', 'UNSAMPLED', 'IF IT FAILS', 'SOURCE'];

export async function showRules(cli: Cli, { state, output }: PolicyInspectOptions): Promise<ExitCode> {
  const answer = await askService(cli, { path: '/rules', ...(state === undefined ? {} : { state }) });
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  const placeOf = await ruleOrigins(cli, state);
  const rules = objectsOf(at(answer.value, 'rules')).map((rule): object => ({
    ...rule,
    origin: placeOf(at(rule, 'name')),
  }));
  if (output === 'json') await printStructured(cli, 'json', rules);
  else if (rules.length === 0) cli.stdout.write('The policy service has no rules.\n');
  else
    cli.stdout.write(
      formatTable(
        headings,
        rules.map((rule) => [
          nameOf(at(rule, 'name')),
          ...['matched', 'denied', 'failed', 'unsampled'].map((count) => String(at(rule, count))),
          textOf(at(rule, 'failurePolicy')),
          textOf(at(rule, 'origin')),
        ]),
      ),
    );
  return exitCode.done;
}

/** `NAME.NAMESPACE` of `NAME.rule.NAMESPACE`, as `xebec explain policy` takes it. */
export const nameOf = (fullName: unknown): string =>
  inOneLine(textOf(fullName).replace(/\.(?:rule|handler)\.([^.]*)$/, '.$1'));
