// What Envoy notes down of a request: by AUDIT policies and by those that are only tried, in one line when it is over.
import type { ChildProcess } from 'node:child_process';
import { create } from '@bufbuild/protobuf';
import { anyOf } from '@xebec/protos';
import { AccessLogSchema } from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import { StdoutAccessLogSchema } from '@xebec/protos/envoy/extensions/access_loggers/stream/v3/stream_pb';
import {
  auditedRuleKey,
  dryRunPrefixes,
  httpRbacNamespace,
} from '../../../../packages/envoy/src/authorization/verdict-names.ts';
import { callHeader } from './judge.ts';

const noted = (key: string): string => `%DYNAMIC_METADATA(${httpRbacNamespace}:${key})%`;
const triedAs = (action: 'ALLOW' | 'DENY', what: string): string =>
  noted(`${dryRunPrefixes[action]}shadow_${what}`);

export const inline = (text: string) => ({ specifier: { case: 'inlineString' as const, value: text } });

/** In one line for each request; Envoy knows all of it only when the request is over. */
const noteFormat = [
  `%REQ(${callHeader})%`,
  noted(auditedRuleKey),
  ...(['DENY', 'ALLOW'] as const).flatMap((action) => [
    triedAs(action, 'engine_result'),
    triedAs(action, 'effective_policy_id'),
  ]),
].join('\t');

export const noteLog = create(AccessLogSchema, {
  name: 'envoy.access_loggers.stdout',
  configType: {
    case: 'typedConfig',
    value: anyOf(StdoutAccessLogSchema, {
      accessLogFormat: {
        case: 'logFormat',
        value: { format: { case: 'textFormatSource', value: inline(`${noteFormat}\n`) } },
      },
    }),
  },
});

/** What was noted down: by AUDIT policies, and by those that are only tried; `-` is nothing. */
function marksIn([audited = '-', ...tried]: readonly string[]): readonly string[] {
  const [denied = '-', byDeny = '-', allowed = '-', byAllow = '-'] = tried;
  const joined = (result: string, rule: string): string => (rule === '-' ? result : `${result} ${rule}`);
  return [audited, joined(denied, byDeny), joined(allowed, byAllow)];
}

const longestWaitMs = 10_000;

/** What was noted down of a request that is over, by its `callHeader`; undefined when nothing comes for long. */
export function readNotes(child: ChildProcess): (call: string) => Promise<readonly string[] | undefined> {
  const known = new Map<string, readonly string[]>();
  const waiting = new Map<string, () => void>();
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    const lines = (rest + part).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [call = '', ...fields] = line.split('\t');
      known.set(call, marksIn(fields));
      waiting.get(call)?.();
    }
  });
  return async (call) => {
    if (!known.has(call)) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, longestWaitMs);
        waiting.set(call, () => {
          clearTimeout(timer);
          resolve();
        });
      });
      waiting.delete(call);
    }
    const found = known.get(call);
    known.delete(call);
    return found;
  };
}
