// Answers about policies out of JSON. One that does not say what it decides is none.
import type { ShownAnswer } from '@xebec/control-plane';
import { fail, type Result, succeed } from '@xebec/std';
import { at } from '../admin/json.ts';
import { problem } from '../output/diagnostics.ts';

export type Answer = ShownAnswer;

export function readAnswer(value: unknown): Result<Answer> {
  if (isAnswer(value)) return succeed(value);
  return fail(
    problem('odd-answer', 'the control plane did not answer the question', 'is it of another version?'),
  );
}

const decisions: readonly unknown[] = ['ALLOW', 'DENY', 'CUSTOM'];
const lists = ['unknown', 'notes', 'considered', 'workloads'];

const isAnswer = (value: unknown): value is Answer => {
  const decision = at(value, 'decision');
  return decisions.some((each) => each === decision) && lists.every((name) => Array.isArray(at(value, name)));
};
