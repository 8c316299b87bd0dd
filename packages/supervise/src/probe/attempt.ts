// One question to a workload; any failure, a timeout included, is an answer.
import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
import { errorCodeOf, messageOf } from '../error-code.ts';
import { runCommand } from '../run-command.ts';
import { askGrpc } from './ask-grpc.ts';
import type { ProbeAction, ProbeAnswer, ProbeSpec, ProbeTarget } from './spec.ts';

type Http = Extract<ProbeAction, { kind: 'httpGet' }>;
type Tcp = Extract<ProbeAction, { kind: 'tcpSocket' }>;
type Exec = Extract<ProbeAction, { kind: 'exec' }>;

const passes = (message: string): ProbeAnswer => ({ passing: true, message });
const fails = (message: string): ProbeAnswer => ({ passing: false, message });

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
};

const explain = (error: unknown): ProbeAnswer => fails(words[errorCodeOf(error) ?? ''] ?? messageOf(error));
const late = (timeoutMs: number): ProbeAnswer => fails(`no answer within ${timeoutMs / 1_000} s`);

function askHttp(action: Http, target: ProbeTarget, timeoutMs: number): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const isTls = action.scheme === 'HTTPS';
    const path = action.path ?? '/';
    const options = {
      host: action.host ?? target.host,
      port: action.port,
      path: path.startsWith('/') ? path : `/${path}`,
      agent: false as const,
      headers: {
        'user-agent': 'kube-probe/xebec',
        ...Object.fromEntries((action.httpHeaders ?? []).map(({ name, value }) => [name, value])),
      },
      ...(isTls ? { rejectUnauthorized: false } : {}),
    };
    const settle = (answer: ProbeAnswer) => {
      clearTimeout(timer);
      request.destroy();
      resolve(answer);
    };
    const request = (isTls ? https : http).get(options, ({ statusCode = 0 }) => {
      settle(
        statusCode >= 200 && statusCode < 400 ? passes(String(statusCode)) : fails(`status ${statusCode}`),
      );
    });
    const timer = setTimeout(() => settle(late(timeoutMs)), timeoutMs);
    request.on('error', (error) => settle(explain(error)));
  });
}

function askTcp(action: Tcp, target: ProbeTarget, timeoutMs: number): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host: action.host ?? target.host, port: action.port });
    const settle = (answer: ProbeAnswer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => settle(late(timeoutMs)), timeoutMs);
    socket.once('connect', () => settle(passes('connected')));
    socket.on('error', (error) => settle(explain(error)));
  });
}

async function askExec(action: Exec, target: ProbeTarget, timeoutMs: number): Promise<ProbeAnswer> {
  const [command, ...args] = action.command;
  if (command === undefined) return fails('the command is empty');
  const outcome = await runCommand(command, args, {
    env: target.env ?? {},
    timeoutMs,
    ...(target.cwd === undefined ? {} : { cwd: target.cwd }),
  });
  if (outcome.kind === 'not-found') return fails(`${command} is not there`);
  if (outcome.kind === 'not-started') return fails(outcome.reason);
  if (outcome.code === null) return late(timeoutMs);
  return outcome.code === 0 ? passes('exit 0') : fails(`exit ${outcome.code}`);
}

/** Asks once. Never rejects. */
export async function attemptProbe(spec: ProbeSpec, target: ProbeTarget): Promise<ProbeAnswer> {
  const timeoutMs = (spec.timeoutSeconds ?? 1) * 1_000;
  try {
    switch (spec.action.kind) {
      case 'httpGet':
        return await askHttp(spec.action, target, timeoutMs);
      case 'tcpSocket':
        return await askTcp(spec.action, target, timeoutMs);
      case 'grpc':
        return await askGrpc(spec.action, target, { timeoutMs });
      case 'exec':
        return await askExec(spec.action, target, timeoutMs);
    }
  } catch (error) {
    return explain(error);
  }
}
