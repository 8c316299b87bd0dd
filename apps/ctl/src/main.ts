// The program `xebec`: the one place that ends the process.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { provideDescriptors } from '@xebec/protos';
import { systemCli } from './cli.ts';
import { exitCode } from './exit-code.ts';
import { runProgram } from './program.ts';

// The built program has the descriptors beside it.
provideDescriptors(() => {
  const beside = new URL('envoy.binpb', import.meta.url);
  const file = existsSync(beside)
    ? beside
    : new URL(import.meta.resolve('@xebec/protos/descriptors/envoy.binpb'));
  return readFileSync(file);
});

const cli = systemCli(fileURLToPath(import.meta.url));

try {
  process.exitCode = await runProgram(cli, process.argv.slice(2));
} catch (error) {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  cli.stderr.write(`error: this is a bug in xebec, please report it:\n${text}\n`);
  process.exitCode = exitCode.failed;
}

endSoon();

/** A command that is done ends, whatever a library still waits for; only output that somebody reads slowly holds it up. */
function endSoon(): void {
  const timer = setTimeout(() => {
    if (process.stdout.writableLength === 0 && process.stderr.writableLength === 0) process.exit();
    endSoon();
  }, 250);
  timer.unref();
}
