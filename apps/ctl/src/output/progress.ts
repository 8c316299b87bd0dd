// Progress on standard error: a line per step, alive on a terminal, plain elsewhere; nothing longer than a second is silent.
import type { Cli } from '../cli.ts';
import { paletteFor } from './colour.ts';
import { inOneLine } from './printable.ts';

export interface Step {
  /** What is going on right now. */
  readonly say: (detail: string) => void;
  readonly done: (result?: string) => void;
  readonly failed: () => void;
}

export interface Progress {
  readonly step: (title: string) => Step;
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 100;
/** Elsewhere than on a terminal, a step that goes on says so this often. */
const plainEveryMs = 5_000;

/** Steps one after the other, on standard error. */
export function startProgress(cli: Cli): Progress {
  return { step: (title) => (cli.stderr.isTTY === true ? liveStep(cli, title) : plainStep(cli, title)) };
}

const seconds = (sinceMs: number): string => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

function liveStep(cli: Cli, title: string): Step {
  const palette = paletteFor(cli, cli.stderr);
  const startedAt = performance.now();
  let detail = '';
  let frame = 0;
  const draw = () => {
    const spinner = palette.cyan(frames[frame++ % frames.length] ?? '');
    const elapsed = performance.now() - startedAt > 1_000 ? ` ${seconds(startedAt)}` : '';
    const room = Math.max(10, (cli.stderr.columns ?? 80) - title.length - 14);
    cli.stderr.write(`\r\u001b[K${spinner} ${title}${palette.dim(` ${detail.slice(0, room)}${elapsed}`)}`);
  };
  const timer = setInterval(draw, frameMs);
  const end = (mark: string, result: string) => {
    clearInterval(timer);
    cli.stderr.write(`\r\u001b[K${mark} ${title}${palette.dim(result === '' ? '' : ` ${result}`)}\n`);
  };
  draw();
  return {
    say: (text) => {
      detail = inOneLine(text);
    },
    done: (result = '') => end(palette.green('✔'), inOneLine(result)),
    failed: () => end(palette.red('✘'), ''),
  };
}

function plainStep(cli: Cli, title: string): Step {
  const startedAt = performance.now();
  let detail = '';
  cli.stderr.write(`${title} …\n`);
  const timer = setInterval(() => {
    cli.stderr.write(`  still at it after ${seconds(startedAt)}${detail === '' ? '' : `: ${detail}`}\n`);
  }, plainEveryMs);
  return {
    say: (text) => {
      detail = inOneLine(text);
    },
    done: (result = '') => {
      clearInterval(timer);
      if (result !== '') cli.stderr.write(`  ${inOneLine(result)}\n`);
    },
    failed: () => clearInterval(timer),
  };
}
