// xebec audit query: records of all logs in the order of time, those that were asked for.
import type { ReadChain, ReadRecord } from '@xebec/journal-file';
import { at, type JsonObject, numberOf, textOf, textsOf } from '../admin/json.ts';
import { shownKey } from '../apply/changes.ts';
import type { Cli } from '../cli.ts';
import type { AuditQueryOptions } from '../commands/audit.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';
import { formatTable } from '../output/table.ts';
import { openLogs } from './open-logs.ts';

export async function auditQuery(
  cli: Cli,
  paths: readonly string[],
  options: AuditQueryOptions,
): Promise<ExitCode> {
  const nowMs = Date.now();
  const keepsFields = ({ kind, fields }: ReadRecord): boolean =>
    kinds.includes(kind) && isWanted(fields, options, nowMs);
  const logs = openLogs(cli, paths, { state: options.state, keepsFields });
  if (!logs.ok) return refuse(cli, ...logs.diagnostics);
  const items = recordsOf(logs.value);
  const shown = options.limit === undefined ? items : items.slice(Math.max(0, items.length - options.limit));
  if (options.output === 'json') await printStructured(cli, 'json', { items: shown });
  else if (shown.length === 0) cli.stderr.write('no record\n');
  else cli.stdout.write(formatTable(headings, shown.map(rowOf)));
  return exitCode.done;
}

const kinds = ['call', 'change', 'certificate'];

/** What chains say of themselves is not asked for: "xebec audit verify" tells it. */
function recordsOf(chains: readonly ReadChain[]): readonly JsonObject[] {
  return chains
    .flatMap(({ id, lines }) =>
      lines.flatMap(({ record }): JsonObject[] =>
        typeof record === 'object' && kinds.includes(record.kind) && 'kind' in record.fields
          ? [{ ...record.fields, hash: record.hash, ...(id === undefined ? {} : { chain: id }) }]
          : [],
      ),
    )
    .sort((left, right) => (textOf(left['time']) < textOf(right['time']) ? -1 : 1));
}

function isWanted(record: JsonObject, asked: AuditQueryOptions, nowMs: number): boolean {
  const time = Date.parse(textOf(record['time']));
  const since = asked.since === undefined ? undefined : nowMs - asked.since;
  return (
    time >= Math.max(asked.from ?? 0, since ?? 0) &&
    time <= (asked.to ?? Number.POSITIVE_INFINITY) &&
    is(asked.kind, (kind) => record['kind'] === kind) &&
    is(asked.decision, (decision) => record['decision'] === decision) &&
    is(asked.principal, (principal) => isEndOf(principal, principalOf(record))) &&
    is(asked.user, (user) => at(record, 'user', 'subject') === user) &&
    is(
      asked.workload,
      (name) => isNamed(name, textOf(record['workload'])) || isNamed(name, textOf(record['pod'])),
    ) &&
    is(asked.policy, (name) => policiesOf(record).some((policy) => isNamed(name, policy))) &&
    is(asked.request, (id) => record['requestId'] === id)
  );
}

const is = <T>(asked: T | undefined, test: (value: T) => boolean): boolean =>
  asked === undefined || test(asked);

const principalOf = (record: JsonObject): string =>
  textOf(record['principal']) || textOf(at(record, 'identity', 'spiffeId')) || textOf(record['author']);

const isEndOf = (asked: string, principal: string): boolean =>
  principal === asked || principal.endsWith(`/${asked}`);

/** `NAME` or `NAME.NAMESPACE` of `NAMESPACE/NAME`. */
function isNamed(asked: string, found: string): boolean {
  const [namespace = '', name = ''] = found.split('/');
  return name !== '' && (asked === name || asked === `${name}.${namespace}`);
}

const policiesOf = (record: JsonObject): readonly string[] =>
  [at(record, 'by', 'policy'), at(record, 'audit', 'policy')].map((policy) =>
    textOf(policy).split('/').slice(1).join('/'),
  );

const headings = ['TIME', 'DECISION', 'WHO', 'WHAT', 'WHERE', 'BY'];

function rowOf(record: JsonObject): readonly string[] {
  const time = textOf(record['time']);
  switch (record['kind']) {
    case 'call':
      return [
        time,
        textOf(record['decision']),
        whoOf(record),
        operationOf(record),
        textOf(record['pod']),
        whyOf(record),
      ];
    case 'change':
      return [
        time,
        textOf(record['change']),
        principalOf(record),
        changeOf(record),
        textOf(record['owner']),
        placeOf(record),
      ];
    default:
      return [
        time,
        textOf(record['decision']),
        principalOf(record),
        'certificate',
        textOf(record['peer']),
        textOf(record['reason']),
      ];
  }
}

const whoOf = (record: JsonObject): string => {
  const user = textOf(at(record, 'user', 'subject'));
  return `${textOf(record['principal']) || textOf(record['address'])}${user === '' ? '' : ` (${user})`}`;
};

function operationOf(record: JsonObject): string {
  const operation = (field: string): string => textOf(at(record, 'operation', field));
  const port = numberOf(at(record, 'operation', 'port'));
  const method = operation('method');
  const target = `${operation('host')}${operation('path')}`;
  return method === '' ? `${operation('protocol')} port ${port ?? '?'}` : `${method} ${target}`;
}

const changeOf = (record: JsonObject): string => {
  const key = textOf(record['object']);
  return `${shownKey(key)} ${textsOf(record['fields']).join(' ')}`.trimEnd();
};

const placeOf = (record: JsonObject): string => {
  const revision = numberOf(record['revision']);
  return [revision === undefined ? '' : `revision ${revision}`, textOf(record['origin'])]
    .filter(Boolean)
    .join(' ');
};

/** The rule that decided, or that marked the call, with its place. */
function whyOf(record: JsonObject): string {
  const rule = at(record, 'by', 'policy') === undefined ? at(record, 'audit') : at(record, 'by');
  const policy = textOf(at(rule, 'policy'));
  if (policy === '') return textOf(record['reason']);
  const index = numberOf(at(rule, 'rule'));
  const origin = textOf(at(rule, 'origin'));
  return `${policy.split('/').slice(1).join('/')}${index === undefined ? '' : ` rule ${index}`}${origin === '' ? '' : ` ${origin}`}`;
}
