// Operations on a list of named things, in which order matters. The rule: what ends a chain of filters stays last unless its name is given.
import type { Message, Registry } from '@bufbuild/protobuf';
import type { FilterClass, PatchOperation } from '@xebec/config';
import { mergeMessages } from './merge-messages.ts';

type Named = Message & { name: string };

export interface ListChange {
  readonly operation: PatchOperation;
  /** Whom it is done to, or next to; absent: nobody in particular. */
  readonly name: string | undefined;
  readonly filterClass: FilterClass;
  readonly value: () => Message;
  readonly registry: Registry;
  /** The last one ends the chain: nothing goes after it unasked. */
  readonly isLastFinal: boolean;
}

/** Changes the list; false when there was nothing to change. */
export function changeList<T extends Named>(list: T[], change: ListChange): boolean {
  const positions = list.flatMap(({ name }, at) => (name === change.name ? [at] : []));
  if (change.name !== undefined && positions.length === 0) return false;
  switch (change.operation) {
    case 'REMOVE':
      for (const at of positions.reverse()) list.splice(at, 1);
      return true;
    case 'REPLACE':
      for (const at of positions) list[at] = payloadOf<T>(change);
      return true;
    case 'MERGE':
      for (const at of positions) mergeAt(list, at, change);
      return true;
    default:
      list.splice(insertionPoint(list, positions, change), 0, payloadOf<T>(change));
      return true;
  }
}

const payloadOf = <T>({ value }: ListChange): T => value() as T;

function mergeAt<T extends Named>(list: T[], at: number, { value, registry }: ListChange): void {
  const item = list[at];
  if (item !== undefined) mergeMessages(item, value(), registry);
}

function insertionPoint(list: readonly Named[], positions: readonly number[], change: ListChange): number {
  const [first] = positions;
  const end = change.isLastFinal && list.length > 0 ? list.length - 1 : list.length;
  switch (change.operation) {
    case 'INSERT_FIRST':
      return 0;
    case 'INSERT_BEFORE':
      return first ?? 0;
    case 'INSERT_AFTER':
      return first === undefined ? end : first + 1;
    default:
      return classPoint(list, change.filterClass, end);
  }
}

/** Filters that say who the peer is, and those that say what it may. */
const authentication: ReadonlySet<string> = new Set([
  'envoy.filters.http.on_demand',
  'envoy.filters.http.header_to_metadata',
  'envoy.filters.http.set_filter_state',
  'envoy.filters.http.jwt_authn',
]);
const authorization: ReadonlySet<string> = new Set([
  'envoy.filters.http.rbac',
  'envoy.filters.http.ext_authz',
  'envoy.filters.network.rbac',
  'envoy.filters.network.ext_authz',
]);

function classPoint(list: readonly Named[], filterClass: FilterClass, end: number): number {
  if (filterClass === 'UNSPECIFIED' || filterClass === 'STATS') return end;
  const isBefore = ({ name }: Named): boolean =>
    authentication.has(name) || (filterClass === 'AUTHZ' && authorization.has(name));
  return Math.min(list.findLastIndex(isBefore) + 1, end);
}
