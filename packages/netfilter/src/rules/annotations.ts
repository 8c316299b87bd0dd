// Annotations of a Pod, applied to the rules; one that is wrong is refused, since its author counts on it.
import { readCaptureAnnotations } from '@xebec/config';
import { fail, type Result, succeed } from '@xebec/std';
import type { CaptureRules } from './capture-rules.ts';

/** `rules` with the annotations of one Pod applied; `object` names the Pod in what is refused. */
export function applyAnnotations(
  rules: CaptureRules,
  annotations: Readonly<Record<string, string>>,
  object: string,
): Result<CaptureRules> {
  const { settings, problems } = readCaptureAnnotations(annotations);
  if (problems.length > 0)
    return fail(
      ...problems.map(({ annotation, ...problem }) => ({
        ...problem,
        severity: 'error' as const,
        field: `metadata.annotations["${annotation}"]`,
        origin: { object },
      })),
    );
  return succeed({
    ...rules,
    ...settings,
    // The proxy's own ports stay what they are, whatever else is excluded.
    excludeInboundPorts: joined(rules.excludeInboundPorts, settings.excludeInboundPorts),
    excludeOutboundCidrs: joined(rules.excludeOutboundCidrs, settings.excludeOutboundCidrs),
    excludeOutboundPorts: joined(rules.excludeOutboundPorts, settings.excludeOutboundPorts),
    includeOutboundPorts: joined(rules.includeOutboundPorts, settings.includeOutboundPorts),
    excludeOutboundUids: joined(rules.excludeOutboundUids, settings.excludeOutboundUids),
    excludeOutboundGids: joined(rules.excludeOutboundGids, settings.excludeOutboundGids),
  });
}

const joined = <T>(ours: readonly T[], written: readonly T[] = []): readonly T[] => [
  ...new Set([...ours, ...written]),
];
