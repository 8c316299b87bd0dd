// Many simulated sidecars in one process: counts what arrives, and notes when each sidecar has what was expected.
import { nowMs, pause, until } from '../measure/clock.ts';
import type { Answer, Mark, Question, Traffic, TypeTraffic } from './messages.ts';
import { createNameTable } from './name-table.ts';
import { typeUrls } from './requests.ts';
import type { Received } from './response-reader.ts';
import { type Sidecar, startSidecar } from './sidecar.ts';

/** What each sidecar must still see, and when it had seen all. */
interface Expectation {
  readonly marks: readonly { readonly typeUrl: string; readonly bytes: Buffer | undefined }[];
  /** One bit per mark. */
  readonly missing: Uint32Array;
  readonly atMs: number[];
}

const failureLimit = 5;

export function createFleet() {
  const names = createNameTable();
  const sidecars: Sidecar[] = [];
  let types: Record<string, TypeTraffic> = {};
  let failures: string[] = [];
  const broken = new Set<number>();
  let lastAtMs = nowMs();
  let expectation: Expectation | undefined;

  async function answer(question: Question): Promise<Answer> {
    switch (question.kind) {
      case 'connect':
        return connect(question);
      case 'expect':
        expectation = expect(question.marks, sidecars.length);
        return { kind: 'done' };
      case 'await':
        return awaitExpected(question.limitMs);
      case 'ask':
        return ask(question);
      case 'settle':
        await until(() => nowMs() - lastAtMs > question.quietMs, question.limitMs, 20);
        return { kind: 'done', traffic: takeTraffic() };
    }
  }

  async function connect(question: Extract<Question, { kind: 'connect' }>): Promise<Answer> {
    close();
    const startMs = nowMs();
    for (let index = 0; index < question.sidecars; index++) {
      sidecars.push(
        startSidecar({
          index: question.firstIndex + index,
          address: question.address,
          mode: question.mode,
          hosts: question.hosts[index] ?? [],
          names,
          onResponse: (received, bytes) => note(index, received, bytes),
          onFailure: (message) => {
            broken.add(index);
            if (failures.length < failureLimit) failures.push(message);
          },
        }),
      );
      // Connections go out while others are being made, as on a restart of many nodes.
      if (index % 50 === 49) await pause(0);
    }
    return completion(startMs, question.limitMs);
  }

  function ask({ names: hosts, limitMs }: Extract<Question, { kind: 'ask' }>): Promise<Answer> {
    const startMs = nowMs();
    for (const sidecar of sidecars) sidecar.ask(hosts);
    return completion(startMs, limitMs);
  }

  async function completion(startMs: number, limitMs: number): Promise<Answer> {
    // A sidecar is complete between two answers for a moment, too: look again after a short silence.
    const isOver = () =>
      sidecars.every((sidecar) => sidecar.isComplete()) && nowMs() - Math.max(lastAtMs, startMs) > 100;
    await until(() => isOver() || broken.size === sidecars.length, limitMs);
    const complete = sidecars.filter((sidecar) => sidecar.isComplete());
    const atMs = complete.map((sidecar) => sidecar.completeAtMs());
    return { kind: 'times', startMs, atMs, missing: sidecars.length - complete.length };
  }

  async function awaitExpected(limitMs: number): Promise<Answer> {
    const startMs = nowMs();
    const expected = expectation;
    if (expected === undefined) return { kind: 'failed', message: 'nothing is expected' };
    await until(() => expected.atMs.length === sidecars.length, limitMs, 2);
    expectation = undefined;
    return { kind: 'times', startMs, atMs: expected.atMs, missing: sidecars.length - expected.atMs.length };
  }

  function note(index: number, received: Received, bytes: Buffer): void {
    lastAtMs = nowMs();
    count(received, bytes.length);
    if (expectation !== undefined) match(expectation, { index, typeUrl: received.typeUrl, bytes });
  }

  function count({ typeUrl, resources, removed }: Received, bytes: number): void {
    types[typeUrl] ??= { responses: 0, resources: 0, bytes: 0, removed: 0 };
    const traffic = types[typeUrl];
    traffic.responses++;
    traffic.resources += resources.length;
    traffic.bytes += bytes;
    traffic.removed += removed;
  }

  function takeTraffic(): Traffic {
    const taken = { types, failures };
    types = {};
    failures = [];
    return taken;
  }

  function close(): void {
    for (const sidecar of sidecars) sidecar.close();
    sidecars.length = 0;
    broken.clear();
  }

  return { answer, close };
}

function expect(marks: readonly Mark[], sidecars: number): Expectation {
  return {
    marks: marks.map(({ typeUrl, bytes }) => ({
      typeUrl,
      bytes: bytes === '' ? undefined : Buffer.from(bytes, 'latin1'),
    })),
    missing: new Uint32Array(sidecars).fill(2 ** marks.length - 1),
    atMs: [],
  };
}

interface Arrival {
  readonly index: number;
  readonly typeUrl: string;
  readonly bytes: Buffer;
}

/** Routes come as whole configurations or as single virtual hosts; a mark for one fits the other. */
const isOfType = (wanted: string, typeUrl: string): boolean =>
  wanted === typeUrl || (wanted === typeUrls.route && typeUrl === typeUrls.virtualHost);

function match({ marks, missing, atMs }: Expectation, { index, typeUrl, bytes }: Arrival): void {
  const before = missing[index] ?? 0;
  if (before === 0) return;
  let left = before;
  marks.forEach((mark, position) => {
    const bit = 1 << position;
    if ((left & bit) === 0 || !isOfType(mark.typeUrl, typeUrl)) return;
    if (mark.bytes === undefined || bytes.includes(mark.bytes)) left &= ~bit;
  });
  missing[index] = left;
  if (left === 0) atMs.push(nowMs());
}
