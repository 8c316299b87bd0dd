// The program `xebec`: the one place that ends the process.
import { fileURLToPath } from 'node:url';
import { systemCli } from './cli.ts';
import { exitCode } from './exit-code.ts';
import { runProgram } from './program.ts';

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
