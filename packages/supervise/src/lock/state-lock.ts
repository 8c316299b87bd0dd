// One holder per state directory: a lock that names its holder, and that a dead holder cannot keep.
//
// Holders are numbered files `lock/N`, made whole by `link`, which fails when the number is taken. The highest number
// decides. Whoever finds its process dead (or the lock given back) tries N + 1; only one can succeed. Numbers never
// go down, so a slow contender can not win against a later holder.
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Result, succeed } from '@xebec/std';
import { errorCodeOf, makeDirectories, refuse, refuseFileError } from '../error-code.ts';
import { identifyProcess, isAlive, type ProcessIdentity } from '../process/identity.ts';

export interface StateLock extends Disposable {
  readonly directory: string;
  /** Gives the lock back. */
  readonly release: () => void;
}

/** Who holds a lock. */
export interface LockHolder extends ProcessIdentity {
  /** The holder's own words about itself, such as `xebec up`. */
  readonly purpose: string;
  readonly since: string;
}

const attempts = 50;

function parseHolder(text: string): LockHolder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, start, purpose, since } = { pid: 0, start: '', purpose: '', since: '', ...value };
    if (typeof pid !== 'number' || pid <= 0 || typeof start !== 'string') return undefined;
    return { pid, start, purpose: String(purpose), since: String(since) };
  } catch {
    return undefined;
  }
}

function numbersIn(locks: string): readonly number[] {
  const numbers = readdirSync(locks).filter((name) => /^\d{1,15}$/.test(name));
  return numbers.map(Number).sort((a, b) => b - a);
}

function readHolder(locks: string, number: number): LockHolder | undefined {
  try {
    return parseHolder(readFileSync(join(locks, String(number)), 'utf8'));
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Puts a whole file under a number nobody has; false when somebody does. */
function claim(locks: string, number: number, holder: LockHolder): boolean {
  const draft = join(locks, `.${holder.pid}-${number}`);
  try {
    writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
    linkSync(draft, join(locks, String(number)));
    return true;
  } catch (error) {
    if (errorCodeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function removeBelow(locks: string, number: number): void {
  for (const other of numbersIn(locks))
    if (other < number) rmSync(join(locks, String(other)), { force: true });
}

/** The live holder of a directory's lock, if there is one. */
export function readLockHolder(directory: string): LockHolder | undefined {
  try {
    const locks = join(directory, 'lock');
    const [highest] = numbersIn(locks);
    const holder = highest === undefined ? undefined : readHolder(locks, highest);
    return holder !== undefined && isAlive(holder) ? holder : undefined;
  } catch {
    return undefined;
  }
}

type Attempt = { readonly number: number } | { readonly holder: LockHolder } | undefined;

function attempt(locks: string, own: LockHolder): Attempt {
  const [highest = 0] = numbersIn(locks);
  const holder = highest === 0 ? undefined : readHolder(locks, highest);
  if (holder !== undefined && isAlive(holder)) return { holder };
  const number = highest + 1;
  if (!claim(locks, number, own)) return undefined;
  if (numbersIn(locks)[0] === number) return { number };
  rmSync(join(locks, String(number)), { force: true });
  return undefined;
}

function hold(directory: string, number: number): StateLock {
  const locks = join(directory, 'lock');
  let isHeld = true;
  const release = () => {
    if (!isHeld) return;
    isHeld = false;
    try {
      // The number stays, its holder does not: numbers must never go down.
      const draft = join(locks, `.${process.pid}-${number}`);
      writeFileSync(draft, '{}', { mode: 0o600 });
      renameSync(draft, join(locks, String(number)));
    } catch {
      // The directory is gone or full; the lock ends with this process anyway.
    }
  };
  return { directory, release, [Symbol.dispose]: release };
}

/**
 * Takes the exclusive lock of a state directory, making the directory (0700) if need be. A held lock is a diagnostic
 * that names its holder; a lock whose process is dead is taken over. The lock ends with the process at the latest.
 */
export function acquireStateLock(directory: string, purpose = 'xebec'): Result<StateLock> {
  const locks = join(directory, 'lock');
  const identity = identifyProcess(process.pid);
  if (identity === undefined) {
    return refuse(
      'lock-unavailable',
      'this system does not say when a process started',
      'see that "ps" works',
    );
  }
  const own = { ...identity, purpose, since: new Date().toISOString() };
  try {
    makeDirectories(locks, 0o700);
    for (let round = 0; round < attempts; round++) {
      const outcome = attempt(locks, own);
      if (outcome === undefined) continue;
      if ('holder' in outcome) return refuseHeld(directory, outcome.holder);
      removeBelow(locks, outcome.number);
      return succeed(hold(directory, outcome.number));
    }
    return refuse('state-locked', `many processes want ${directory} at once`, 'start only one of them');
  } catch (error) {
    return refuseFileError('the state directory cannot be locked', directory, error);
  }
}

function refuseHeld(directory: string, { pid, purpose, since }: LockHolder): Result<never> {
  return refuse(
    'state-locked',
    `${directory} is in use by ${purpose} (process ${pid}, since ${since})`,
    'end that one ("xebec down"), or choose another directory with --state',
  );
}
