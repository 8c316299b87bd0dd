// Whether a rule names who is called. Rule: at a gateway only what names the gateway is enforced for the gateway itself; everything else is for what is behind it, once.
import type { PolicyRuleSpec } from '@xebec/config';
import { readSyntax } from '../expressions/istio/read-syntax.ts';
import type { Syntax } from '../expressions/istio/syntax.ts';
import type { Knowledge } from './express.ts';
import { namesDestination } from './names-destination.ts';
import { type PlannedObject, truthOf } from './plan-rule.ts';

const nobody: Knowledge = {
  know: (name) => (namesDestination(name) ? { kind: 'absent' } : { kind: 'unknown' }),
};

/** `no`: its match asks for nothing of the destination; `perhaps`: only a call of the policy service can tell. */
export function isAboutDestination(rule: PlannedObject<PolicyRuleSpec>): 'yes' | 'no' | 'perhaps' {
  const { match, language } = rule.spec;
  if (match.trim() === '') return 'no';
  const read = language === 'cel' ? undefined : readSyntax(match);
  if (read?.ok === true && !mentions(read.syntax)) return 'no';
  return truthOf(rule, nobody).whenTrue.length === 0 ? 'yes' : 'perhaps';
}

const mentions = (syntax: Syntax): boolean =>
  syntax.kind === 'attribute'
    ? namesDestination(syntax.name)
    : syntax.kind === 'call' &&
      [syntax.target, ...syntax.args].some((part) => part !== undefined && mentions(part));
