// The WorkloadGroup that a program joins: read from the running mesh, since it says who the program is.
import { type ObjectOf, parseObject, rawObject } from '@xebec/config';
import { fail, type Result, succeed } from '@xebec/std';
import { controlPlaneOf } from '../admin/control-plane.ts';
import { at, objectsOf } from '../admin/json.ts';
import type { AgentRunFlags } from '../commands/agent-run.ts';
import { problem } from '../output/diagnostics.ts';

/** Undefined when none was asked for. */
export async function readWorkloadGroup(
  mesh: string,
  { workloadGroup, namespace: otherwise }: Pick<AgentRunFlags, 'workloadGroup' | 'namespace'>,
): Promise<Result<ObjectOf<'WorkloadGroup'> | undefined>> {
  if (workloadGroup === undefined) return succeed(undefined);
  const [first = '', second] = workloadGroup.split('/');
  const [namespace, name] = second === undefined ? [otherwise, first] : [first, second];
  const query = new URLSearchParams({ kind: 'WorkloadGroup', namespace, name });
  const answer = await controlPlaneOf(mesh).get(`/v1/objects?${query}`);
  if (!answer.ok) return answer;
  const [found] = objectsOf(at(answer.value, 'items'));
  if (found === undefined) return fail(noGroup(`${namespace}/${name}`));
  const { apiVersion, kind, metadata, spec } = found;
  const raw = rawObject({ apiVersion, kind, metadata, spec }, {});
  const parsed = parseObject(raw, { defaultNamespace: namespace });
  if (!parsed.ok) return parsed;
  return parsed.value.kind === 'WorkloadGroup'
    ? succeed(parsed.value)
    : fail(noGroup(`${namespace}/${name}`));
}

const noGroup = (name: string) =>
  problem(
    'unknown-workload-group',
    `there is no WorkloadGroup ${name}`,
    'apply it first, or look for its name with "xebec get workloadgroups -A"',
  );

/** What the group decides in place of the options. */
export function flagsOfGroup(
  flags: AgentRunFlags,
  group: ObjectOf<'WorkloadGroup'> | undefined,
): AgentRunFlags {
  if (group === undefined) return flags;
  const { labels, annotations, template } = group.spec;
  const ports = Object.values(template.ports).map((port) => ({ port, transport: 'TCP' as const }));
  return {
    ...flags,
    namespace: group.metadata.namespace,
    serviceAccount: template.serviceAccount,
    label: { ...labels, ...template.labels },
    annotation: { ...annotations, ...flags.annotation },
    port: flags.port ?? ports,
  };
}
