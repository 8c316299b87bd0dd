// How many tokens a call of a language model cost, as OpenAI-shaped APIs say it: in `usage` of a JSON body, or of the last events of a stream. Before the answer it is guessed.

export interface TokenUsage {
  readonly prompt: number;
  readonly completion: number;
  /** At least both together. */
  readonly total: number;
  /** The answer did not say: worked out from the length of its text. */
  readonly isEstimated: boolean;
}

/** English text has some four characters a token. */
const charactersPerToken = 4;

/** When a request says nothing of how long its answer may be. */
const usualCompletion = 256;

export const tokensInText = (text: string): number => Math.ceil(text.length / charactersPerToken);

/** What a request may cost at most, as far as it says so: its text, and the answer it allows. Never 0. */
export function estimateRequest(body: string): number {
  const request = readObject(body);
  const asked = ['max_completion_tokens', 'max_tokens', 'max_output_tokens']
    .map((name) => count(request?.[name]))
    .find((one) => one !== undefined);
  const choices = Math.max(1, count(request?.['n']) ?? 1);
  return Math.max(1, tokensInText(body)) + (asked ?? usualCompletion) * choices;
}

/** Of a whole JSON answer; undefined: it says nothing (an error, another API). */
export const usageOfBody = (body: string): TokenUsage | undefined => usageIn(readObject(body));

/** Of one parsed object: `usage`, or `response.usage` as events of newer APIs have it. */
function usageIn(object: Readonly<Record<string, unknown>> | undefined): TokenUsage | undefined {
  const usage = objectOf(object?.['usage']) ?? objectOf(objectOf(object?.['response'])?.['usage']);
  if (usage === undefined) return undefined;
  const prompt = count(usage['prompt_tokens']) ?? count(usage['input_tokens']);
  const completion = count(usage['completion_tokens']) ?? count(usage['output_tokens']);
  const total = count(usage['total_tokens']);
  if (prompt === undefined && completion === undefined && total === undefined) return undefined;
  const sum = (prompt ?? 0) + (completion ?? 0);
  return {
    prompt: prompt ?? 0,
    completion: completion ?? 0,
    total: Math.max(total ?? 0, sum),
    isEstimated: false,
  };
}

export interface StreamUsageReader {
  /** Bytes of the body as they come, cut anywhere. */
  push(bytes: Uint8Array): void;
  /** After the last: what the stream said, or else a guess from the text it brought. */
  end(): TokenUsage;
}

/** Longer lines hold no usage; they count by their length. */
const longestLine = 256 * 1024;

/** Reads server-sent events (WHATWG HTML, 9.2) in bounded memory. `promptTokens`: for the guess. */
export function createStreamUsageReader(promptTokens = 0): StreamUsageReader {
  const decoder = new TextDecoder();
  let line = '';
  let skipped = 0;
  let said: TokenUsage | undefined;
  let characters = 0;
  const finishLine = (): void => {
    if (skipped > 0) characters += skipped;
    else if (line.startsWith('data:')) {
      const event = readObject(line.slice(5));
      said = usageIn(event) ?? said;
      characters += textIn(event);
    }
    line = '';
    skipped = 0;
  };
  const take = (text: string): void => {
    const parts = text.split(/\r\n|\r|\n/);
    parts.forEach((part, index) => {
      if (index > 0) finishLine();
      if (skipped > 0 || line.length + part.length > longestLine) {
        skipped += line.length + part.length;
        line = '';
      } else line += part;
    });
  };
  return {
    push: (bytes) => take(decoder.decode(bytes, { stream: true })),
    end() {
      take(decoder.decode());
      finishLine();
      if (said !== undefined) return said;
      const completion = Math.ceil(characters / charactersPerToken);
      return { prompt: promptTokens, completion, total: promptTokens + completion, isEstimated: true };
    },
  };
}

/** Characters of the text that one event adds. */
function textIn(event: Readonly<Record<string, unknown>> | undefined): number {
  const delta: unknown = event?.['delta'];
  if (typeof delta === 'string') return delta.length;
  const choices = event?.['choices'];
  if (!Array.isArray(choices)) return 0;
  return choices.reduce((sum: number, choice: unknown) => {
    const one = objectOf(choice);
    const text = objectOf(one?.['delta'])?.['content'] ?? one?.['text'];
    return sum + (typeof text === 'string' ? text.length : 0);
  }, 0);
}

function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

const objectOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;

/** Whole numbers from 0; what a hostile answer says else is nothing. */
const count = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
