// Adding, setting and removing headers, on routes and on weighted destinations.
import type { HeaderOperations, HeaderPolicy } from '@xebec/model';
import {
  HeaderValueOption_HeaderAppendAction,
  type HeaderValueOptionSchema,
} from '@xebec/protos/envoy/config/core/v3/base_pb';
import type { Fields } from '../resource.ts';

/** Field names are those that Route and WeightedCluster.ClusterWeight share. `host`/`:authority` is set by a rewrite instead. */
export function encodeHeaderPolicy({ request, response }: HeaderPolicy) {
  return {
    requestHeadersToAdd: additions(request, (name) => !isAuthority(name)),
    requestHeadersToRemove: [...request.remove],
    responseHeadersToAdd: additions(response, () => true),
    responseHeadersToRemove: [...response.remove],
  };
}

/** The authority a header operation asks for, if any. */
export function authorityOf({ request }: HeaderPolicy): string | undefined {
  for (const [name, value] of Object.entries({ ...request.add, ...request.set })) {
    if (isAuthority(name)) return value;
  }
  return undefined;
}

const isAuthority = (name: string): boolean => ['host', ':authority'].includes(name.toLowerCase());

function additions(
  operations: HeaderOperations,
  keep: (name: string) => boolean,
): Fields<typeof HeaderValueOptionSchema>[] {
  const option =
    (action: HeaderValueOption_HeaderAppendAction) =>
    ([key, value]: [string, string]) => ({
      header: { key, value: escapeFormat(value) },
      appendAction: action,
    });
  const kept = (values: Readonly<Record<string, string>>) =>
    Object.entries(values).filter(([name]) => keep(name));
  return [
    ...kept(operations.set).map(option(HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD)),
    ...kept(operations.add).map(option(HeaderValueOption_HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD)),
  ];
}

/** A percent sign that opens no command operator must be doubled, or Envoy refuses the whole resource. */
function escapeFormat(value: string): string {
  return /^(?:[^%]|%[A-Z0-9_]+(?:\([^%)]*\))?(?::\d+)?%|%%)*$/.test(value)
    ? value
    : value.replaceAll('%', '%%');
}
