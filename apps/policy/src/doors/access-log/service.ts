// `envoy.service.accesslog.v3.AccessLogService`: proxies report what happened. A full engine slows the stream down; the proxy's own buffer is then the bound, and the proxy counts what it drops.
import type { Metadata } from '@grpc/grpc-js';
import type { AttributeBag } from '@xebec/policy';
import type { Node } from '@xebec/protos/envoy/config/core/v3/base_pb';
import {
  AccessLogService,
  type StreamAccessLogsMessage,
  type StreamAccessLogsMessageSchema,
} from '@xebec/protos/envoy/service/accesslog/v3/als_pb';
import type { Caller } from '../callers/caller.ts';
import {
  directionIn,
  type ProxySide,
  passingIn,
  sideOf,
  workloadHeader,
  workloadOfNode,
} from '../proxies/side.ts';
import type { Gate } from '../rpc/gate.ts';
import { isRefusal, type Refusal } from '../rpc/refusal.ts';
import { type StreamHandler, streamMethod } from '../rpc/streams.ts';
import type { Method } from '../rpc/unary.ts';
import { describeConnection, describeRequest } from './attributes.ts';

const door = 'access-log';

export function accessLogMethods(gate: Gate, open: Set<() => void>): readonly Method[] {
  const on = { door, callers: 'proxies', gate, open } as const;
  return [
    streamMethod(on, AccessLogService.method.streamAccessLogs, ({ caller, metadata }) =>
      handleLogs(gate, caller, metadata),
    ),
  ];
}

function handleLogs(
  gate: Gate,
  caller: Caller,
  metadata: Metadata,
): StreamHandler<typeof StreamAccessLogsMessageSchema> {
  let side: ProxySide | undefined;
  return {
    async take(message) {
      const whose = side ?? sideOfStream(message, { caller, metadata, gate });
      if (isRefusal(whose)) return whose;
      side = whose;
      const bags = bagsOf(gate, whose, message);
      gate.metrics.countBags(door, bags.length);
      await gate.engine().report(bags, whose);
      return undefined;
    },
  };
}

/** Only the first message of a stream says whose it is. */
function sideOfStream(
  { identifier }: StreamAccessLogsMessage,
  { caller, metadata, gate }: { readonly caller: Caller; readonly metadata: Metadata; readonly gate: Gate },
): ProxySide | Refusal {
  const said = textOf(metadata, workloadHeader) ?? workloadOfNode(identifier?.node?.id ?? '');
  const whose = sideOf(caller, said, gate.workloads);
  if (isRefusal(whose)) return whose;
  const isOutbound = identifier?.logName.endsWith('.outbound') === true;
  const isGateway = identifier?.node?.id.startsWith('router~') === true;
  const version = versionOf(identifier?.node);
  return {
    ...whose,
    ...passingIn(metadata),
    direction: isOutbound ? 'outbound' : directionIn(metadata),
    ...(isGateway ? { isGateway: true as const } : {}),
    ...(version === undefined ? {} : { version }),
  };
}

function versionOf(node: Node | undefined): string | undefined {
  const said = node?.userAgentVersionType;
  if (said?.case === 'userAgentVersion') return said.value;
  const version = said?.case === 'userAgentBuildVersion' ? said.value.version : undefined;
  return version === undefined ? undefined : `${version.majorNumber}.${version.minorNumber}.${version.patch}`;
}

function textOf(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return typeof value === 'string' ? value : undefined;
}

function bagsOf(
  gate: Gate,
  side: ProxySide,
  { logEntries }: StreamAccessLogsMessage,
): readonly AttributeBag[] {
  switch (logEntries.case) {
    case 'httpLogs':
      return logEntries.value.logEntry.map((entry) => {
        const bag = gate.newBag(door);
        describeRequest(bag, side, entry, gate.workloads);
        return bag.bag;
      });
    case 'tcpLogs':
      return logEntries.value.logEntry.map((entry) => {
        const bag = gate.newBag(door);
        describeConnection(bag, side, entry, gate.workloads);
        return bag.bag;
      });
    default:
      return [];
  }
}
