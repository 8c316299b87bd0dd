// The public surface of the file journal and of the audit log.
export {
  type AuditChain,
  type AuditChainOptions,
  type AuditCounts,
  type AuditSink,
  openAuditChain,
} from './audit/audit-chain.ts';
export type { CheckpointSigner } from './audit/checkpoints.ts';
export { findChains, newestRecord, type ReadChain, readChain } from './audit/read-chain.ts';
export type {
  AuditedOperation,
  AuditedRule,
  AuditRecord,
  CallRecord,
  CertificateRecord,
  ChainHead,
  ChangeRecord,
  ReadRecord,
} from './audit/record.ts';
export { anchorsIn, type ChainProblem, type Verification, verifyChain } from './audit/verify-chain.ts';
export type { Disk } from './disk.ts';
export { systemDisk } from './disk.ts';
export type { FileJournal, JournalOptions, OpenedJournal } from './file-journal.ts';
export { openJournal } from './file-journal.ts';
export { type OpenedLog, openRecordLog, type RecordLog } from './log/record-log.ts';
