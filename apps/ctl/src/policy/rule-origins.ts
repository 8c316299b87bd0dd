// Where rules are written. The policy service knows objects only, so that moving a rule in its file is no change to it; the control plane knows the line.
import { formatOrigin } from '@xebec/std';
import { controlPlaneOf } from '../admin/control-plane.ts';
import { at, objectsOf, textOf } from '../admin/json.ts';
import type { Cli } from '../cli.ts';
import { inOneLine } from '../output/printable.ts';
import { stateDirectory } from '../state/state-directory.ts';

/** Gives `FILE:LINE` of a rule by `NAME.rule.NAMESPACE`; a control plane that is away leaves it empty. */
export async function ruleOrigins(
  cli: Cli,
  state: string | undefined,
): Promise<(fullName: unknown) => string> {
  const answer = await controlPlaneOf(stateDirectory(cli, state)).get('/v1/objects?kind=rule');
  const rules = answer.ok ? objectsOf(at(answer.value, 'items')) : [];
  const places = new Map(rules.map((rule) => [fullNameOf(rule), placeOf(rule)]));
  return (fullName) => inOneLine(places.get(textOf(fullName)) ?? '');
}

const fullNameOf = (rule: object): string =>
  `${textOf(at(rule, 'metadata', 'name'))}.rule.${textOf(at(rule, 'metadata', 'namespace'))}`;

function placeOf(rule: object): string {
  const file = textOf(at(rule, 'origin', 'file'));
  const line = Number(at(rule, 'origin', 'line'));
  return file === '' ? '' : formatOrigin({ file, ...(Number.isInteger(line) ? { line } : {}) });
}
