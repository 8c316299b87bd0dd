// Istio's traffic annotations of a pod, applied to the rules; an annotation we know but cannot honour is refused.
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { type CaptureRules, checkRules } from './capture-rules.ts';

const prefix = 'traffic.sidecar.istio.io/';
const interception = 'sidecar.istio.io/interceptionMode';

type Change = (rules: CaptureRules, value: string) => CaptureRules;

const changes: Readonly<Record<string, Change>> = {
  includeInboundPorts: (rules, value) => ({
    ...rules,
    includeInboundPorts: value.trim() === '*' ? '*' : numbers(value),
  }),
  excludeInboundPorts: (rules, value) => ({
    ...rules,
    excludeInboundPorts: [...new Set([...rules.excludeInboundPorts, ...numbers(value)])],
  }),
  includeOutboundIPRanges: (rules, value) => ({
    ...rules,
    includeOutboundCidrs: value.trim() === '*' ? '*' : items(value),
  }),
  excludeOutboundIPRanges: (rules, value) => ({
    ...rules,
    excludeOutboundCidrs: [...rules.excludeOutboundCidrs, ...items(value)],
  }),
  includeOutboundPorts: (rules, value) => ({
    ...rules,
    includeOutboundPorts: [...rules.includeOutboundPorts, ...numbers(value)],
  }),
  excludeOutboundPorts: (rules, value) => ({
    ...rules,
    excludeOutboundPorts: [...rules.excludeOutboundPorts, ...numbers(value)],
  }),
};

/** `rules` with the annotations of one pod applied; `object` names the pod in what is refused. */
export function applyAnnotations(
  rules: CaptureRules,
  annotations: Readonly<Record<string, string>>,
  object: string,
): Result<CaptureRules> {
  let changed = rules;
  const refused: Diagnostic[] = [];
  for (const [name, value] of Object.entries(annotations)) {
    if (name === interception && value !== 'REDIRECT') refused.push(unsupported(name, value, object));
    if (!name.startsWith(prefix)) continue;
    const key = name.slice(prefix.length);
    const change = Object.hasOwn(changes, key) ? changes[key] : undefined;
    if (change === undefined) {
      refused.push(unsupported(name, value, object));
      continue;
    }
    const next = change(changed, value);
    const problems = checkRules(next);
    if (problems.length === 0) changed = next;
    else
      refused.push(
        ...problems.map((problem) => place({ ...problem, message: `cannot use "${value}"` }, name, object)),
      );
  }
  return refused.length > 0 ? fail(...refused) : succeed(changed);
}

const items = (value: string): string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** What is not a number stays one that no check accepts. */
const numbers = (value: string): number[] =>
  items(value).map((item) => (/^\d+$/.test(item) ? Number(item) : Number.NaN));

const place = (problem: Diagnostic, annotation: string, object: string): Diagnostic => ({
  ...problem,
  field: `metadata.annotations["${annotation}"]`,
  origin: { object },
});

function unsupported(name: string, value: string, object: string): Diagnostic {
  const problem: Diagnostic = {
    severity: 'error',
    code: 'not-yet-supported',
    message: `"${value}" is not yet supported here`,
    remedy: 'remove the annotation',
  };
  return place(problem, name, object);
}
