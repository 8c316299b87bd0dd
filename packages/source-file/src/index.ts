// The public surface of the file source.
export type { DirectoryWatch, WatchOptions } from './watch-directory.ts';
export { watchDirectory } from './watch-directory.ts';
