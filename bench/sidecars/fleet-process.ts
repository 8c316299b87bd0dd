// The parent's hand on the process of simulated sidecars: one question at a time, every one bounded in time.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, DiscoveryMode, Mark, Question, Traffic } from './messages.ts';

type Times = Extract<Answer, { kind: 'times' }>;

export interface Fleet {
  readonly pid: number;
  connect(options: Omit<Extract<Question, { kind: 'connect' }>, 'kind'>): Promise<Times>;
  expect(marks: readonly Mark[]): Promise<void>;
  awaitExpected(limitMs: number): Promise<Times>;
  ask(names: readonly string[], limitMs: number): Promise<Times>;
  /** Traffic since the last call, once nothing has arrived for `quietMs`. */
  settle(quietMs: number, limitMs: number): Promise<Traffic>;
  close(): Promise<void>;
}

export type { DiscoveryMode };

const graceMs = 30_000;

export function startFleet(): Fleet {
  const child = fork(fileURLToPath(new URL('./child.ts', import.meta.url)), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));

  function put(question: Question, limitMs = graceMs): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const onExit = (): void => finish(() => reject(new Error('the process of sidecars ended')));
      const onAnswer = (answer: Answer): void =>
        finish(() => (answer.kind === 'failed' ? reject(new Error(answer.message)) : resolve(answer)));
      const timer = setTimeout(
        () => finish(() => reject(new Error(`no answer to "${question.kind}"`))),
        limitMs + graceMs,
      );
      function finish(act: () => void): void {
        clearTimeout(timer);
        child.off('message', onAnswer);
        child.off('exit', onExit);
        act();
      }
      child.once('message', onAnswer);
      child.once('exit', onExit);
      child.send(question);
    });
  }

  async function times(question: Question & { readonly limitMs: number }): Promise<Times> {
    const answer = await put(question, question.limitMs);
    if (answer.kind !== 'times') throw new Error(`odd answer to "${question.kind}"`);
    return answer;
  }

  return {
    pid: child.pid ?? 0,
    connect: (options) => times({ kind: 'connect', ...options }),
    expect: async (marks) => void (await put({ kind: 'expect', marks })),
    awaitExpected: (limitMs) => times({ kind: 'await', limitMs }),
    ask: (names, limitMs) => times({ kind: 'ask', names, limitMs }),
    async settle(quietMs, limitMs) {
      const answer = await put({ kind: 'settle', quietMs, limitMs }, limitMs);
      return (answer.kind === 'done' ? answer.traffic : undefined) ?? { types: {}, failures: [] };
    },
    async close() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(timer);
    },
  };
}
