// An answer about policies for people: the decision, who made it, and why the others did not.
import type { AuthorizationQuestion } from '@xebec/control-plane';
import type { Cli } from '../cli.ts';
import { paletteFor } from '../output/colour.ts';
import { inOneLine } from '../output/printable.ts';
import type { Answer } from './read-answer.ts';

/** Why it is so, a line each. */
export const explanationOf = (answer: Answer): readonly string[] => [
  reasonText(answer),
  ...answer.notes.map((note) => `note: ${note}`),
  ...differences(answer),
  ...answer.considered.flatMap(consideredLines),
];

export function printAnswer(cli: Cli, question: AuthorizationQuestion, answer: Answer): void {
  const palette = paletteFor(cli, cli.stdout);
  const paint = { ALLOW: palette.green, DENY: palette.red, CUSTOM: palette.yellow }[answer.decision];
  const word = paint(words[answer.decision]);
  const lines = [
    `${palette.bold(word)}: ${inOneLine(callText(question))}`,
    ...explanationOf(answer).map(
      (line) => `  ${line.startsWith(' ') ? palette.dim(inOneLine(line)) : inOneLine(line)}`,
    ),
  ];
  cli.stdout.write(`${lines.join('\n')}\n`);
}

const words = { ALLOW: 'allowed', DENY: 'denied', CUSTOM: 'asked about' } as const;

const callText = ({ from, to, port, method, path }: AuthorizationQuestion): string => {
  const what = [method, path].filter((part) => part !== undefined).join(' ');
  const target = port === undefined ? to : `${to}:${port}`;
  return `${from ?? 'nobody'} → ${target}${what === '' ? '' : `, ${what}`}`;
};

/** `AuthorizationPolicy default/reviews`. */
const objectText = (key: string): string => key.replace('/', ' ');

function reasonText(
  answer: Pick<Answer, 'policy' | 'rule' | 'origin' | 'reason' | 'unknown' | 'provider' | 'providerProblem'>,
): string {
  const { policy, rule, origin, reason, unknown } = answer;
  const place = origin === null ? '' : ` (${origin})`;
  const by = policy === null ? '' : `${objectText(policy)}${rule === null ? '' : `, rule ${rule}`}${place}`;
  switch (reason) {
    case 'rule':
      return `by ${by}${providerText(answer)}`;
    case 'no-policy':
      return 'no policy there allows some calls only, and none that denies matches';
    case 'nothing-allows':
      return 'there are policies that allow, and none of them matches';
    case 'undecided':
      return `${by === '' ? '' : `${by}: `}it depends on ${unknown.join(', ')}, which the question does not say`;
    case 'mutual-tls-required':
      return `mutual TLS is required${by === '' ? '' : ` by ${by}`}, and the client has no identity`;
    case 'foreign-identity':
      return "the client's identity is not of the mesh's trust domain";
    case 'bad-token':
      return `the proxy answers 401${by === '' ? '' : `, by ${by}`}`;
    case 'bad-request':
      return 'the proxy answers 400: this is no path';
    case 'unproven-datagram':
      return 'datagrams in the clear do not say who sent them, and there are policies';
    case 'not-enforced':
      return 'nothing decides: the workload has no proxy, so that no policy is enforced there';
  }
}

function providerText({ provider, providerProblem }: Pick<Answer, 'provider' | 'providerProblem'>): string {
  if (provider === undefined) return '';
  return providerProblem === undefined
    ? `: the provider "${provider}" decides`
    : `: the provider "${provider}" cannot be asked: ${providerProblem}`;
}

function differences({ workloads, decision }: Answer): readonly string[] {
  const others = workloads.filter((each) => each.decision !== decision);
  if (others.length === 0) return [];
  return workloads.map((each) => {
    return `${objectText(each.workload)}: ${words[each.decision]}; ${reasonText(each)}`;
  });
}

const truths = { yes: 'matches', no: 'does not match', unknown: 'may match' } as const;

function consideredLines({
  policy,
  action,
  isDryRun,
  origin,
  matches,
  rules,
}: Answer['considered'][number]): readonly string[] {
  return [
    `${isDryRun === true ? 'dry run: ' : ''}${action} ${objectText(policy)} (${origin}): ${truths[matches]}`,
    ...rules.map((rule) => {
      const where = rule.failed === undefined ? '' : `, because of "${rule.failed}"`;
      const open = rule.unknown.length === 0 ? '' : ` (${rule.unknown.join(', ')})`;
      return `  rule ${rule.rule} (${rule.origin}): ${truths[rule.matches]}${where}${open}`;
    }),
  ];
}
