// The control plane's audit log: who changed what, and who got a certificate. Each revision is in it once, also after a crash.
import { join } from 'node:path';
import type { AuditEvent } from '@xebec/ca';
import {
  type AuditChain,
  type AuditSink,
  type CertificateRecord,
  type ChangeRecord,
  newestRecord,
  openAuditChain,
} from '@xebec/journal-file';
import { type Diagnostic, formatOrigin, type Result, succeed } from '@xebec/std';
import type { Revision, Store } from '@xebec/store';
import { changedFields } from './changed-fields.ts';

export interface AuditLog extends Disposable {
  readonly chain: AuditChain;
  /** Records the revisions that are not yet in the log, and from now on each new one. */
  follow(store: Store): void;
  noteCertificate(event: AuditEvent): void;
  /** Another log had come so far. */
  anchor(other: { readonly chain: string; readonly at: number; readonly head: string }): void;
}

export interface AuditLogOptions {
  readonly stateDirectory: string;
  readonly sinks?: readonly AuditSink[];
  readonly onProblem: (diagnostic: Diagnostic) => void;
}

export const controlPlaneAudit = (stateDirectory: string): string =>
  join(stateDirectory, 'audit', 'control-plane');

export function openAuditLog({ stateDirectory, sinks = [], onProblem }: AuditLogOptions): Result<AuditLog> {
  const directory = controlPlaneAudit(stateDirectory);
  const opened = openAuditChain({
    directory,
    writer: 'control plane',
    clock: Date.now,
    sinks,
    onTrouble: (problem) => onProblem(problem ?? writesAgain),
  });
  if (!opened.ok) return opened;
  const newest = newestRecord(directory, ({ kind }) => kind === 'change');
  return succeed(new FileAuditLog(opened.value, Number(newest?.fields['revision'] ?? 0)));
}

const writesAgain: Diagnostic = {
  severity: 'warning',
  code: 'audit-log-recovered',
  message: 'the audit log takes records again; the log says how many were lost',
};

class FileAuditLog implements AuditLog {
  readonly chain: AuditChain;
  #revision: number;
  #watch: Disposable | undefined;

  constructor(chain: AuditChain, revision: number) {
    this.chain = chain;
    this.#revision = revision;
  }

  follow(store: Store): void {
    this.#catchUp(store);
    const watching = store.watch(({ revision }) => {
      if (revision !== undefined) this.#catchUp(store);
    });
    if (watching.ok) this.#watch = watching.value;
  }

  noteCertificate(event: AuditEvent): void {
    this.chain.append(certificateRecord(event));
  }

  anchor(other: { readonly chain: string; readonly at: number; readonly head: string }): void {
    this.chain.append({ kind: 'anchor', time: new Date().toISOString(), ...other });
    this.chain.flush();
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    this.chain[Symbol.dispose]();
  }

  #catchUp(store: Store): void {
    for (let number = this.#revision + 1; number <= store.latest; number++) {
      const revision = store.revision(number);
      for (const record of revision === undefined ? [] : changeRecords(revision, store))
        this.chain.append(record);
    }
    this.#revision = Math.max(this.#revision, store.latest);
  }
}

function changeRecords(
  { number, time, author, owner, message, changes }: Revision,
  store: Pick<Store, 'locate'>,
): readonly ChangeRecord[] {
  return changes.map(({ key, change, before, after }) => {
    const origin = change === 'deleted' ? undefined : store.locate(key);
    return {
      kind: 'change',
      ...{ time, revision: number, author, owner },
      ...(message === '' ? {} : { message }),
      object: key,
      change,
      ...(origin?.file === undefined ? {} : { origin: formatOrigin(origin) }),
      fields: change === 'configured' ? changedFields(before, after) : [],
    };
  });
}

function certificateRecord({ timeMs, kind, ...facts }: AuditEvent): CertificateRecord {
  const time = new Date(timeMs).toISOString();
  return { kind: 'certificate', time, decision: kind === 'issued' ? 'allowed' : 'denied', ...facts };
}
