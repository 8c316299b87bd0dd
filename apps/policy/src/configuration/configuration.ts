// The configuration as the control plane tells it: items by key, taken over whole with every complete update, never in between.
import {
  type ConfigurationUpdate,
  decodeItem,
  isSecretKey,
  type KnownWorkloadItem,
  objectIn,
  type PolicyObject,
  secretIn,
  workloadIn,
} from '@xebec/policy';

export interface Configuration {
  readonly revision: number;
  readonly rootNamespace: string;
  /** Of the engine's kinds, by key. An object that did not change is the same value. */
  readonly objects: ReadonlyMap<string, PolicyObject>;
  /** By key. */
  readonly workloads: ReadonlyMap<string, KnownWorkloadItem>;
  /** What handlers name of Secrets, by `NAMESPACE/NAME/KEY`. */
  readonly secrets: ReadonlyMap<string, Buffer>;
  /** All items as texts, by key. */
  readonly texts: ReadonlyMap<string, string>;
  /** Whether objects changed, and not workloads only. */
  readonly hasNewObjects: boolean;
}

export const noConfiguration: Configuration = {
  revision: 0,
  rootNamespace: 'istio-system',
  objects: new Map(),
  workloads: new Map(),
  secrets: new Map(),
  texts: new Map(),
  hasNewObjects: false,
};

/** Collects updates; gives a configuration after each complete one. */
export function createConfigurationReader(first: Configuration = noConfiguration) {
  let current = first;
  let waiting: ConfigurationUpdate[] = [];
  return (update: ConfigurationUpdate): Configuration | undefined => {
    if (update.isInitial) waiting = [];
    waiting.push(update);
    if (!update.isComplete) return undefined;
    current = merge(current, waiting);
    waiting = [];
    return current;
  };
}

function merge(before: Configuration, updates: readonly ConfigurationUpdate[]): Configuration {
  const isWhole = updates[0]?.isInitial === true;
  const last = updates[updates.length - 1];
  const texts = new Map(isWhole ? [] : before.texts);
  for (const { set, removed } of updates) {
    for (const key of removed) texts.delete(key);
    for (const text of set) {
      const key = decodeItem(text)?.key;
      if (key !== undefined) texts.set(key, text);
    }
  }
  const read = readTexts(texts, before);
  const rootNamespace = last?.rootNamespace ?? '';
  const hasNewObjects = read.hasNewObjects || rootNamespace !== before.rootNamespace;
  return { ...read, hasNewObjects, revision: last?.revision ?? 0, rootNamespace };
}

/** What is the same text is the same value. */
export function readTexts(
  texts: ReadonlyMap<string, string>,
  before: Configuration,
): Pick<Configuration, 'objects' | 'workloads' | 'secrets' | 'texts' | 'hasNewObjects'> {
  const objects = new Map<string, PolicyObject>();
  const workloads = new Map<string, KnownWorkloadItem>();
  const secrets = new Map<string, Buffer>();
  let hasNewObjects = false;
  for (const [key, text] of texts) {
    if (isSecretKey(key)) {
      const decoded = decodeItem(text);
      const secret = decoded === undefined ? undefined : secretIn(decoded);
      if (secret !== undefined) secrets.set(secret[0], Buffer.from(secret[1]));
    }
    const isSame = before.texts.get(key) === text;
    const decoded = isSame ? undefined : decodeItem(text);
    const object = before.objects.get(key);
    const workload = before.workloads.get(key);
    const newObject = decoded === undefined ? object : objectIn(decoded);
    const newWorkload = decoded === undefined ? workload : workloadIn(decoded);
    if (newObject !== undefined) objects.set(key, newObject);
    if (newWorkload !== undefined) workloads.set(key, newWorkload);
    if (!isSame && newWorkload === undefined) hasNewObjects = true;
  }
  hasNewObjects ||= [...before.texts.keys()].some((key) => !texts.has(key) && !key.startsWith('workload/'));
  return { objects, workloads, secrets, texts, hasNewObjects };
}
