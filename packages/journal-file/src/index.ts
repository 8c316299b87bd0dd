// The public surface of the file journal.
export type { Disk } from './disk.ts';
export { systemDisk } from './disk.ts';
export type { FileJournal, JournalOptions, OpenedJournal } from './file-journal.ts';
export { openJournal } from './file-journal.ts';
