// Lines on standard output, standard error or in a file, which may be rotated. Rule: lines are written whole and in order; a full disk is an error of the handler, not of the process.
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LineSink, OpenLineSink } from '@xebec/policy';

type Config = Parameters<OpenLineSink>[0];

export const openLineSink: OpenLineSink = async (config) => {
  if (config.logStream === 'STDOUT') return streamSink(process.stdout);
  if (config.logStream === 'STDERR') return streamSink(process.stderr);
  if (config.outputPath === '') throw new Error('outputPath is missing: write the file that lines go to');
  return fileSink(config);
};

const streamSink = (stream: NodeJS.WriteStream): LineSink => ({
  write: (lines) =>
    new Promise((written, failed) => {
      stream.write(lines, (error) => (error === null || error === undefined ? written() : failed(error)));
    }),
  close: () => Promise.resolve(),
});

const megabyte = 1024 * 1024;

async function fileSink(config: Config): Promise<LineSink> {
  await mkdir(dirname(config.outputPath), { recursive: true });
  let file: FileHandle = await open(config.outputPath, 'a', 0o600);
  let size = (await file.stat()).size;
  let last: Promise<void> = Promise.resolve();
  const write = async (lines: string): Promise<void> => {
    const bytes = Buffer.from(lines);
    if (
      config.logStream === 'ROTATED_FILE' &&
      size > 0 &&
      size + bytes.length > config.maxMegabytesBeforeRotation * megabyte
    ) {
      const before = file;
      await rotate(config);
      // The lines of a rotation that fails half way go on where they were; nothing is rotated twice for it.
      size = 0;
      file = await open(config.outputPath, 'a', 0o600);
      await before.close();
    }
    await file.writeFile(bytes);
    size += bytes.length;
  };
  return {
    write(lines) {
      const next = last.then(() => write(lines));
      last = next.catch(() => undefined);
      return next;
    },
    async close() {
      await last;
      await file.close();
    },
  };
}

/** `FILE.1` is the youngest; the oldest is removed. */
async function rotate({ outputPath, maxRotatedFiles }: Config): Promise<void> {
  await rm(`${outputPath}.${maxRotatedFiles}`, { force: true });
  for (let index = maxRotatedFiles - 1; index >= 0; index -= 1) {
    const from = index === 0 ? outputPath : `${outputPath}.${index}`;
    await rename(from, `${outputPath}.${index + 1}`).catch(() => undefined);
  }
}
