// What the control plane and a policy service say to each other, message by message: one complete update is one configuration, taken as a whole or not at all. What is malformed is undefined, never half read.

export const CONFIGURATION_PATH = '/xebec.policy.v1.Configuration/Follow';

type Fields = Readonly<Record<string, unknown>>;

/** Down. Updates that are not complete belong to the next one that is. */
export interface ConfigurationUpdate {
  /** Of the store. */
  readonly revision: number;
  /** What came before it on this stream, or an earlier one, is void. */
  readonly isInitial: boolean;
  readonly isComplete: boolean;
  readonly rootNamespace: string;
  /** Items as JSON: see `items.ts`. */
  readonly set: readonly string[];
  /** Keys of items. */
  readonly removed: readonly string[];
}

/** Something is wrong with an object, by the policy service that follows. */
export interface ReportedProblem {
  /** `KIND/NAMESPACE/NAME`. */
  readonly object: string;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  /** Empty: the whole object. */
  readonly field: string;
}

/** Up: once at the start, then whenever something changed. */
export interface FollowerReport {
  /** Tells replicas apart. */
  readonly node: string;
  /** Where its gRPC doors are, `HOST:PORT`; empty: nobody is to be sent there. */
  readonly address: string;
  /** In force; 0: none yet. */
  readonly revision: number;
  readonly problems: readonly ReportedProblem[];
}

const mostProblems = 1_000;
const mostText = 2_048;

export function readUpdate(fields: Fields): ConfigurationUpdate | undefined {
  const { revision, isInitial, isComplete, rootNamespace } = fields;
  const set = textsOf(fields['set']);
  const removed = textsOf(fields['removed']);
  if (typeof revision !== 'number' || typeof isInitial !== 'boolean') return undefined;
  if (typeof isComplete !== 'boolean' || typeof rootNamespace !== 'string') return undefined;
  if (set === undefined || removed === undefined) return undefined;
  return { revision, isInitial, isComplete, rootNamespace, set, removed };
}

export function readReport(fields: Fields): FollowerReport | undefined {
  const { node, address, revision, problems } = fields;
  if (typeof node !== 'string' || node === '' || node.length > 256) return undefined;
  if (typeof address !== 'string' || address.length > 300 || typeof revision !== 'number') return undefined;
  if (!Array.isArray(problems)) return undefined;
  const read = problems.slice(0, mostProblems).map(readProblem);
  const good = read.filter((each) => each !== undefined);
  return good.length === read.length ? { node, address, revision, problems: good } : undefined;
}

const text = (value: unknown): string => (typeof value === 'string' ? value.slice(0, mostText) : '');

function readProblem(value: unknown): ReportedProblem | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const read = (name: string): string => text(Reflect.get(value, name));
  const problem = {
    object: read('object'),
    code: read('code'),
    message: read('message'),
    remedy: read('remedy'),
    field: read('field'),
  };
  return problem.object === '' || problem.message === '' ? undefined : problem;
}

function textsOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const texts = value.filter((each) => typeof each === 'string');
  return texts.length === value.length ? texts : undefined;
}
