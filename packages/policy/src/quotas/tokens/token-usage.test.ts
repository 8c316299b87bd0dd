// Answers of language models as they come: whole, in events, cut anywhere, without usage, and hostile.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createStreamUsageReader, estimateRequest, usageOfBody } from './token-usage.ts';

const usage = { prompt_tokens: 12, completion_tokens: 30, total_tokens: 42 };
const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const delta = (content: string) => event({ choices: [{ delta: { content } }] });

function read(bytes: Uint8Array, cuts: readonly number[] = [], promptTokens = 0) {
  const reader = createStreamUsageReader(promptTokens);
  let from = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    reader.push(bytes.subarray(from, cut));
    from = cut;
  }
  return reader.end();
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test('a JSON answer says what it cost', () => {
  expect(usageOfBody(JSON.stringify({ choices: [], usage }))).toEqual({
    prompt: 12,
    completion: 30,
    total: 42,
    isEstimated: false,
  });
  expect(usageOfBody(JSON.stringify({ usage: { input_tokens: 5, output_tokens: 6 } }))).toMatchObject({
    total: 11,
  });
  expect(usageOfBody(JSON.stringify({ usage: { total_tokens: 7 } }))).toMatchObject({ total: 7 });
});

test.each([
  '',
  '[]',
  'null',
  '{"error":{}}',
  '{"usage":null}',
  '{"usage":{"total_tokens":-5}}',
  '{"usage":{"total_tokens":1.5}}',
  '{"usage":{"total_tokens":1e300}}',
])('%s says nothing', (body) => expect(usageOfBody(body)).toBeUndefined());

test('the total is never less than its parts', () => {
  expect(usageOfBody(JSON.stringify({ usage: { ...usage, total_tokens: 1 } }))?.total).toBe(42);
});

test('a stream says it in its last event, wherever it is cut', () => {
  const stream = bytesOf(
    `: comment\r\n${delta('Grüße ')}${delta('🙂')}${event({ choices: [], usage })}data: [DONE]\n\n`,
  );
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 20 }), (cuts) => {
      expect(read(stream, cuts)).toEqual({ prompt: 12, completion: 30, total: 42, isEstimated: false });
    }),
  );
});

test('events of newer APIs say it inside the response', () => {
  const stream = event({
    type: 'response.completed',
    response: { usage: { input_tokens: 3, output_tokens: 4 } },
  });
  expect(read(bytesOf(stream))).toMatchObject({ prompt: 3, completion: 4, total: 7 });
});

test('a stream that is broken off or says nothing costs what its text is long', () => {
  const stream = bytesOf(delta('12345678') + delta('1234').slice(0, -2));
  expect(read(stream, [], 10)).toEqual({ prompt: 10, completion: 3, total: 13, isEstimated: true });
});

test('a line without end is counted, not kept', () => {
  const reader = createStreamUsageReader();
  for (let i = 0; i < 50; i++) reader.push(bytesOf('x'.repeat(100_000)));
  expect(reader.end()).toMatchObject({ completion: 1_250_000, isEstimated: true });
});

test('a request is guessed by its text and the answer that it allows', () => {
  const body = JSON.stringify({ messages: [{ content: 'x'.repeat(400) }], max_tokens: 1_000 });
  expect(estimateRequest(body)).toBe(Math.ceil(body.length / 4) + 1_000);
  expect(estimateRequest(JSON.stringify({ n: 3, max_tokens: 10 }))).toBe(
    Math.ceil('{"n":3,"max_tokens":10}'.length / 4) + 30,
  );
  expect(estimateRequest('')).toBe(257);
  expect(estimateRequest('{"max_tokens": -1}')).toBe(Math.ceil(18 / 4) + 256);
});
