// list: allows what is on a list, or refuses it. Rule: while the provider cannot be reached the last list stands, until its ttl; after that nothing can be said, and the rule fails as it says.
import { decodeWith } from '@xebec/config/decode';
import { formatIpAddress } from '../../expressions/values/ip-address.ts';
import type { Instance } from '../../templates/template.ts';
import type { Adapter, CheckVerdict, Handler, HandlerContext } from '../sdk.ts';
import { type Entries, entryProblem, readEntries, splitEntries } from './entries.ts';
import { type ListConfig, listParams } from './params.ts';

/** Fetches lists: the policy service does it over HTTP and from files. */
export interface ListSource {
  /**
   * Reads `url` at once and again every `refreshIntervalMs`; tells what it read or why it could not. Resolves after
   * the first answer, with what stops it.
   */
  follow(url: string, refreshIntervalMs: number, listener: ListListener): Promise<() => void>;
}

export interface ListListener {
  content(text: string): void;
  failure(problem: string): void;
}

const permissionDenied = 7;
const invalidArgument = 3;

/** Without a source only handlers without `providerUrl` can be built. */
export const listAdapter = (source?: ListSource): Adapter<ListConfig> => ({
  name: 'list',
  aliases: ['listchecker'],
  description: 'allows or refuses what is on a list of texts, addresses or patterns',
  templates: ['listentry', 'apikey'],
  parse: (params) => decodeWith(listParams, params),
  build: (config, context) => {
    if (config.providerUrl === '') {
      const entries = readEntries(config.overrides, config.entryType);
      return { check: (instance) => verdictOf(instance, entries, config) };
    }
    if (source === undefined) throw new Error('lists cannot be fetched here');
    return followList(config, context, source);
  },
});

async function followList(config: ListConfig, context: HandlerContext, source: ListSource): Promise<Handler> {
  const held = new HeldList(config, context);
  const stop = await source.follow(config.providerUrl, config.refreshIntervalMs, held);
  let isClosed = false;
  return {
    check: (instance) => verdictOf(instance, held.entries(), config),
    close: () => {
      if (!isClosed) stop();
      isClosed = true;
    },
  };
}

/** The last list that could be read. */
class HeldList implements ListListener {
  readonly #config: ListConfig;
  readonly #context: HandlerContext;
  #text: string | undefined;
  #entries: Entries | undefined;
  #readAt = 0;
  #problem = 'was not read yet';

  constructor(config: ListConfig, context: HandlerContext) {
    this.#config = config;
    this.#context = context;
  }

  /** Throws when there is none that is young enough: then nothing can be said. */
  entries(): Entries {
    const { ttlMs, providerUrl } = this.#config;
    const isOld = this.#context.now() - this.#readAt > ttlMs;
    if (this.#entries !== undefined && !isOld) return this.#entries;
    throw new Error(
      `the list of ${providerUrl} ${isOld && this.#text !== undefined ? 'is too old: ' : ''}${this.#problem}`,
    );
  }

  content(text: string): void {
    const { entryType, overrides } = this.#config;
    if (text !== this.#text) {
      const entries = splitEntries(text, entryType);
      const wrong = entries.findIndex((entry) => entryProblem(entry, entryType) !== undefined);
      // What it says stays unsaid: who names a file here need not be one who may read it.
      if (wrong >= 0) {
        this.failure(`its entry ${wrong + 1} is wrong for ${entryType}`);
        return;
      }
      this.#entries = readEntries([...overrides, ...entries], entryType);
      this.#text = text;
    }
    this.#readAt = this.#context.now();
    this.#context.reportProblem(undefined);
  }

  failure(problem: string): void {
    this.#problem = problem;
    this.#context.reportProblem(problem);
  }
}

function verdictOf(instance: Instance, entries: Entries, config: ListConfig): CheckVerdict {
  const [code, message] = judge(instance, entries, config);
  return {
    status: { code, message },
    validDurationMs: config.cachingIntervalMs,
    validUseCount: config.cachingUseCount,
  };
}

/** Other values have no place on a list. */
function judge(
  { template, fields }: Instance,
  entries: Entries,
  { isBlacklist }: ListConfig,
): [code: number, message: string] {
  const isKey = template === 'apikey';
  const value = isKey ? fields['api_key'] : fields['value'];
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    return [invalidArgument, 'the value is neither text nor an IP address'];
  }
  const { isFound, problem } = entries.find(value);
  // Answers and logs are no place for keys.
  const shown = isKey ? 'the API key' : show(value);
  if (problem !== undefined) return [invalidArgument, `${shown} ${problem}`];
  if (isFound === isBlacklist) {
    return [permissionDenied, `${shown} is ${isBlacklist ? 'blacklisted' : 'not whitelisted'}`];
  }
  return [0, ''];
}

const longestShown = 100;
const show = (value: string | Uint8Array): string =>
  typeof value === 'string' ? value.slice(0, longestShown) : formatIpAddress(value);
