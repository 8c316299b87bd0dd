// Talks to the control plane of a state directory; its refusals and its absence are diagnostics.
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { problem } from '../output/diagnostics.ts';
import { controlSocket } from '../state/state-directory.ts';
import { at, isObject, listOf, numberOf, textOf } from './json.ts';
import { requestSocket } from './socket-request.ts';

export interface ControlPlane {
  readonly state: string;
  get(path: string): Promise<Result<unknown>>;
  post(path: string, body: unknown): Promise<Result<unknown>>;
}

export const controlPlaneOf = (state: string): ControlPlane => ({
  state,
  get: (path) => ask(state, 'GET', path),
  post: (path, body) => ask(state, 'POST', path, body),
});

export const noMesh = (state: string): Diagnostic =>
  problem(
    'no-mesh',
    `no mesh is running in ${state}`,
    'start one with "xebec up", or name another with --state',
  );

async function ask(state: string, method: string, path: string, body?: unknown): Promise<Result<unknown>> {
  const answer = await requestSocket({ socket: controlSocket(state), method, path, body });
  if (answer.kind === 'unreachable') {
    if (answer.isAbsent) return fail(noMesh(state));
    const remedy = 'see "xebec logs control-plane"';
    return fail(
      problem('control-plane-unreachable', `the control plane does not answer: ${answer.reason}`, remedy),
    );
  }
  const value = parse(answer.text);
  if (answer.status >= 200 && answer.status < 300) return succeed(value);
  return fail(...refusals(value, answer.status));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function refusals(value: unknown, status: number): readonly Diagnostic[] {
  const diagnostics = diagnosticsOf(at(value, 'diagnostics'));
  if (diagnostics.length > 0) return diagnostics;
  const message = textOf(at(value, 'message')) || textOf(at(value, 'error')) || `status ${status}`;
  return [problem('control-plane-refused', `the control plane refused: ${message}`)];
}

/** Diagnostics out of JSON. */
export function diagnosticsOf(value: unknown): readonly Diagnostic[] {
  return listOf(value).filter(isObject).map(diagnosticOf);
}

function diagnosticOf(value: Readonly<Record<string, unknown>>): Diagnostic {
  const optional = (name: 'remedy' | 'field') => {
    const text = value[name];
    return typeof text === 'string' ? { [name]: text } : {};
  };
  return {
    severity: value['severity'] === 'warning' ? 'warning' : 'error',
    code: textOf(value['code']),
    message: textOf(value['message']),
    ...optional('remedy'),
    ...optional('field'),
    ...(isObject(value['origin']) ? { origin: originOf(value['origin']) } : {}),
  };
}

/** A place out of JSON. */
export function originOf(value: unknown): NonNullable<Diagnostic['origin']> {
  const [file, object] = [at(value, 'file'), at(value, 'object')];
  const numbers = (['line', 'column', 'revision'] as const).flatMap((name) => {
    const number = numberOf(at(value, name));
    return number === undefined ? [] : [[name, number] as const];
  });
  return {
    ...(typeof file === 'string' ? { file } : {}),
    ...(typeof object === 'string' ? { object } : {}),
    ...Object.fromEntries(numbers),
  };
}
